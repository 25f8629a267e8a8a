// A box that has nothing to scroll is no stop for the keyboard and no landmark.

import { on } from "./common.js";

const PAUSE = 150; // milliseconds without resizing

function update(box) {
	const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
	// Remembered in data attributes, since the box may scroll again later.
	box.classList.toggle("scrolls", box.scrollWidth > box.clientWidth + 1);
	box.dataset.label = box.getAttribute("aria-label") ?? box.dataset.label;
	box.dataset.role = box.getAttribute("role") ?? box.dataset.role;
	if (scrolls) {
		box.role = box.dataset.role;
		box.ariaLabel = box.dataset.label;
		box.tabIndex = 0;
	} else {
		for (const name of ["role", "aria-label", "tabindex"]) box.removeAttribute(name);
	}
}

function updateAll() {
	document.querySelectorAll(".scroll[aria-label], .scroll[data-label]").forEach(update);
}

let timer;
updateAll();
on(window, "resize", () => {
	clearTimeout(timer);
	timer = setTimeout(updateAll, PAUSE);
});
on(document, "toggle", updateAll, true);
