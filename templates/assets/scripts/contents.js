// The table of contents: beside the text on wide screens, a panel that opens over it on others.

import { on } from "./common.js";

const root = document.documentElement;
const opener = document.getElementById("open-contents");
const panel = document.getElementById("contents");
const main = document.getElementById("main");
const isOpen = () => root.classList.contains("contents-open");

function show(open) {
	root.classList.toggle("contents-open", open);
	opener.ariaExpanded = open;
	main.inert = open;
	if (open) panel.querySelector(".chapters a").focus();
}

opener.role = "button"; // without this script it is a link
opener.ariaExpanded = false;
on(opener, "click", (event) => {
	event.preventDefault();
	show(!isOpen());
});
on(opener, "keydown", (event) => {
	if (event.key !== " ") return;
	event.preventDefault();
	opener.click();
});
on(panel, "click", (event) => {
	const link = event.target.closest("a");
	if (!link || !isOpen()) return;
	show(false);
	if (!link.classList.contains("close-contents")) return;
	event.preventDefault();
	opener.focus();
});
on(document, "keydown", (event) => {
	if (event.key !== "Escape" || !isOpen()) return;
	show(false);
	opener.focus();
});
// From this width on, layout.css shows the contents beside the text.
on(matchMedia("(min-width: 72rem)"), "change", () => show(false));
