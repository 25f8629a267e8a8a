// Shows the target of a link beside it, on hover, focus or the first tap. Without this script
// the links are plain.

import { element, on, placeBeside } from "./common.js";

const OPENS_AFTER = 150; // milliseconds, so that a pointer passing over a line opens nothing
const CLOSES_AFTER = 250; // and time enough to move onto the preview

const box = element("div.preview", { id: "preview", role: "tooltip" });
let current = null; // the link whose preview is shown
let timer;
let touched = false; // true if the last pointer was a finger

const linkAt = (event) => event.target.closest?.("a[data-preview], a.reference") ?? null;

// A copy of the target: the entry of a term or source, or a figure elsewhere on the page.
function contentOf(link) {
	const source = document.getElementById(link.dataset.preview ?? link.hash.slice(1));
	if (!source) return [];
	const parts = source.matches("figure")
		? source.querySelectorAll(":scope > .picture, :scope > figcaption > p:first-child")
		: source.querySelectorAll(":scope > p");
	return [...parts].map((node) => node.cloneNode(true));
}

function place() {
	if (current) placeBeside(box, current.getClientRects()[0] ?? current.getBoundingClientRect());
}

function hide() {
	clearTimeout(timer);
	current?.removeAttribute("aria-describedby");
	current = null;
	box.remove();
}

function show(link) {
	if (link === current) return;
	hide();
	const content = contentOf(link);
	if (!content.length) return;
	current = link;
	link.removeAttribute("title"); // which the browser would show as well
	box.replaceChildren(...content);
	document.body.append(box);
	link.setAttribute("aria-describedby", box.id);
	place();
}

function schedule(action, pause) {
	clearTimeout(timer);
	timer = setTimeout(action, pause);
}

on(document, "pointerdown", (event) => {
	touched = event.pointerType === "touch";
	if (!linkAt(event) && !box.contains(event.target)) hide();
});
on(document, "pointerover", (event) => {
	if (event.pointerType === "touch") return;
	const link = linkAt(event);
	if (link) schedule(() => show(link), OPENS_AFTER);
	else if (box.contains(event.target)) clearTimeout(timer);
	else schedule(hide, CLOSES_AFTER);
});
on(document, "focusin", (event) => {
	const link = linkAt(event);
	if (link?.matches(":focus-visible")) show(link);
	else if (!box.contains(event.target)) hide();
});
// The first tap shows the preview, the second follows the link.
on(document, "click", (event) => {
	const link = linkAt(event);
	if (!link || !touched || link === current) return;
	event.preventDefault();
	show(link);
});
on(document, "keydown", (event) => {
	if (event.key === "Escape") hide();
});
on(window, "scroll resize", place, true);
