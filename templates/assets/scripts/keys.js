// The left and right arrow keys turn pages, except where they mean something else.

import { hasModifier, on } from "./common.js";

const ELSEWHERE = "input, textarea, select, [contenteditable], dialog, .frames, .scroll[tabindex]";
const LINKS = { ArrowLeft: "a.previous", ArrowRight: "a.next" };

on(document, "keydown", (event) => {
	const selector = LINKS[event.key];
	if (!selector || event.defaultPrevented || hasModifier(event)) return;
	if (event.target.closest(ELSEWHERE)) return;
	const link = document.querySelector(selector);
	if (link) location.href = window.layerbook.withTheme(link.getAttribute("href"));
});
