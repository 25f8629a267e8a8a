// Functions that the widgets share: they build elements, listen, load scripts and format numbers.

import { decimal } from "./messages.js";

const NARROW_SPACE = "\u202f";
const SVG = "http://www.w3.org/2000/svg";

// A new element; its classes are written as in "p.live-bar".
export function element(selector, attributes = {}, parent, text) {
	const [name, ...classes] = selector.split(".");
	const node = document.createElement(name);
	if (name === "button") node.type = "button"; // none of ours sends a form
	if (classes.length) node.className = classes.join(" ");
	for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
	if (text !== undefined) node.textContent = text;
	parent?.append(node);
	return node;
}

// A new element of a drawing.
export function svgElement(name, attributes = {}, parent) {
	const node = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
	parent?.append(node);
	return node;
}

// Listens for several events, given as in "click focus".
export function on(target, events, listener, options) {
	for (const event of events.split(" ")) target.addEventListener(event, listener, options);
}

// Keys pressed with one of these are the browser's.
export const hasModifier = (event) =>
	event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;

export const clamp = (value, least, most) => Math.max(least, Math.min(most, value));

const MARGIN = 4; // pixels between a tip and the edge of the window

// Puts a tip above a place of the window, or below where there is no room, and always within it.
export function placeBeside(tip, place) {
	tip.style.left = tip.style.top = "0";
	const room = document.documentElement.clientWidth - tip.offsetWidth - MARGIN;
	const centered = place.left + (place.width - tip.offsetWidth) / 2;
	const fitsAbove = place.top >= tip.offsetHeight + MARGIN;
	tip.style.left = `${clamp(centered, MARGIN, room)}px`;
	tip.style.top = `${fitsAbove ? place.top - tip.offsetHeight : place.bottom}px`;
}

// The item to which an arrow key, Home or End leads from `current`; undefined for other keys.
export function targetOfKey({ key }, current, last, up = -1) {
	const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: up, ArrowDown: -up };
	const targets = { Home: 0, End: last };
	return key in steps ? clamp(current + steps[key], 0, last) : targets[key];
}

// Pages on disk may not fetch data, but they may load it as a script.
export function loadScript(src) {
	return new Promise((resolve, reject) => {
		const script = element("script", { src });
		on(script, "load", resolve);
		on(script, "error", () => reject(new Error(src)));
		document.head.append(script);
	});
}

// "Figure 3.1", as its caption has it.
export const figureName = (figure) =>
	figure.querySelector(".figure-number").textContent.replace(/\.$/, "");

// Like the book's own text: two digits, but never rounded to nothing or to all.
export function percent(share, exact = share === 0 || share === 1) {
	let text = exact ? String(100 * share) : (100 * share).toFixed(2);
	if (text === "0.00") text = `<${NARROW_SPACE}0.01`;
	if (text === "100.00") text = `>${NARROW_SPACE}99.99`;
	return `${decimal(text)}${NARROW_SPACE}%`;
}
