// Marks the section that is being read in the contents beside the text, and keeps it in sight.

import { on } from "./common.js";

const LINE = 0.3; // of the window's height: the last heading above it has the section

const links = [...document.querySelectorAll(".sections a")];
const headings = links.map((link) => document.getElementById(link.hash.slice(1)));
const panel = document.getElementById("contents");
let scheduled = false;
let current;

function mark() {
	scheduled = false;
	const line = LINE * innerHeight;
	const passed = headings.filter((heading) => heading?.getBoundingClientRect().top < line);
	const next = links[headings.indexOf(passed.at(-1))];
	if (next === current) return;
	current?.removeAttribute("aria-current");
	next?.setAttribute("aria-current", "true");
	current = next;
	// Not scrollIntoView, which would move the page as well.
	const below = next && next.getBoundingClientRect().bottom - panel.getBoundingClientRect().bottom;
	if (below > 0) panel.scrollTop += below + 40;
	const above = next && next.getBoundingClientRect().top - panel.getBoundingClientRect().top;
	if (above < 0) panel.scrollTop += above - 40;
}

function schedule() {
	if (scheduled) return;
	scheduled = true;
	requestAnimationFrame(mark);
}

if (links.length) {
	on(window, "scroll resize", schedule, { passive: true });
	mark();
}
