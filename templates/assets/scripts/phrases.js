// Phrases that point to a part of a figure light it up, and named parts light up their phrases.

import { hasModifier, on, svgElement } from "./common.js";

const phrases = [...document.querySelectorAll("a.point[href^='#']")];
const figureOf = (phrase) => document.getElementById(phrase.hash.slice(1));
let clear = () => {};

// The places to outline in a picture: a chart by its title, or a cell, row or column of its grids.
function boxesIn({ dataset }, { part, cell, grids }) {
	const panels = JSON.parse(dataset.panels ?? "[]").filter(([title]) => title === part);
	const boxes = panels.map(([, ...box]) => box);
	const [row, column] = cell?.split(",") ?? [];
	JSON.parse(dataset.grids ?? "[]").forEach(([x, y, width, height, rows, columns], index) => {
		if (!cell || row >= rows || column >= columns) return;
		if (grids && !grids.split(" ").includes(`${index}`)) return;
		const [wide, high] = [width / columns, height / rows];
		boxes.push([x + wide * column, y + high * row, column ? wide : width, row ? high : height]);
	});
	return boxes;
}

function addRing(svg, box) {
	const [x, y, width, height] = box;
	return svgElement("rect", { class: "fig-ring", x, y, width, height }, svg);
}

function light(phrase) {
	clear();
	const lit = [];
	const rings = [];
	for (const svg of figureOf(phrase).querySelectorAll(".fig")) {
		for (const group of svg.querySelectorAll("[data-part]")) {
			if (group.dataset.part === phrase.dataset.part) lit.push(svg, group);
		}
		for (const box of boxesIn(svg, phrase.dataset)) rings.push(addRing(svg, box));
	}
	for (const element of lit) element.classList.add("lit");
	clear = () => {
		for (const ring of rings) ring.remove();
		for (const element of lit) element.classList.remove("lit");
	};
}

for (const phrase of phrases) {
	on(phrase, "pointerenter focus", () => light(phrase));
	on(phrase, "pointerleave", () => phrase !== document.activeElement && clear());
	// Following the link would take the focus away, and with it the light.
	on(phrase, "click", (event) => {
		if (hasModifier(event)) return;
		event.preventDefault();
		figureOf(phrase).scrollIntoView({ block: "nearest" });
		phrase.focus({ preventScroll: true });
	});
	on(phrase, "blur", () => clear());
	on(figureOf(phrase), "pointerover pointerleave", ({ target, type }) => {
		const { part } = phrase.dataset;
		const isOver = type === "pointerover" && target.closest("[data-part]")?.dataset.part === part;
		phrase.classList.toggle("lit", isOver && part !== undefined);
	});
}
