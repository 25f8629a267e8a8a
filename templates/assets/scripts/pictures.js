// Buttons that save a figure's picture as SVG or PNG, made from the drawing in the page.

import { t } from "./messages.js";
import { element, on, svgElement } from "./common.js";

const SCALE = 2; // pixels of a PNG for each of the drawing
const VARIABLE = /var\(--[\w-]+,\s*([^()]+)\)/g;
// The rules of figures.css that a drawing needs beside its own attributes.
const STYLE =
	".fig text { white-space: pre }" +
	".fig-halo text { paint-order: stroke; stroke: #fff; stroke-width: 3px; stroke-linejoin: round }";

const isShown = (drawing) => drawing.checkVisibility({ visibilityProperty: true });

// The drawing that is on the screen; a sequence and small multiples have several.
function shownDrawing(figure) {
	const drawings = [...figure.querySelectorAll(".picture svg.fig")];
	return drawings.find(isShown) ?? drawings[0];
}

function fileName(figure, drawing) {
	const frames = [...figure.querySelectorAll(".frame")];
	const frame = frames.indexOf(drawing.closest(".frame"));
	return frame < 0 ? figure.id : `${figure.id}-${frame + 1}`;
}

// The drawing as a file of its own: in its light colors, without links.
function standalone(drawing) {
	const copy = drawing.cloneNode(true);
	for (const node of [copy, ...copy.querySelectorAll("*")]) {
		for (const attribute of node.attributes) {
			const value = attribute.value.replace(VARIABLE, "$1");
			if (value !== attribute.value) attribute.value = value;
		}
	}
	for (const link of copy.querySelectorAll("a")) {
		const group = svgElement("g");
		group.append(...link.childNodes);
		link.replaceWith(group);
	}
	const style = svgElement("style");
	style.textContent = STYLE;
	copy.prepend(style);
	return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}

async function toPng(svg, drawing) {
	const image = new Image();
	image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
	await image.decode();
	const canvas = element("canvas");
	canvas.width = Math.round(SCALE * drawing.getAttribute("width"));
	canvas.height = Math.round(SCALE * drawing.getAttribute("height"));
	const context = canvas.getContext("2d");
	context.fillStyle = "#fff";
	context.fillRect(0, 0, canvas.width, canvas.height);
	context.drawImage(image, 0, 0, canvas.width, canvas.height);
	const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
	if (!png) throw new Error("the canvas cannot be written"); // too large for the browser
	return png;
}

function download(blob, name) {
	const href = URL.createObjectURL(blob);
	element("a", { href, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(href), 10_000); // the browser reads it by then
}

async function save(figure, format, button) {
	const drawing = shownDrawing(figure);
	const svg = standalone(drawing);
	try {
		const blob =
			format === "png" ? await toPng(svg, drawing) : new Blob([svg], { type: "image/svg+xml" });
		download(blob, `${fileName(figure, drawing)}.${format}`);
	} catch {
		button.textContent = t("This browser cannot save it");
	}
}

for (const figure of document.querySelectorAll(".figure:has(> .disclosures)")) {
	const files = figure.querySelector(".disclosures p.downloads");
	if (!files || !shownDrawing(figure)) continue;
	for (const format of ["svg", "png"]) {
		const label = t("The picture as {format}", { format: format.toUpperCase() });
		const button = element("button", {}, null, label);
		on(button, "click", () => save(figure, format, button));
		files.insertBefore(button, files.querySelector("a"));
	}
}
