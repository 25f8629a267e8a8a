// A map of thousands of words: drag and zoom it, search it, and see the true neighbors of a word.

import { clamp, element, figureName, hasModifier, on } from "./common.js";
import { decimal, t } from "./messages.js";

const STEPS = 2000; // a coordinate is a whole number from -STEPS to STEPS
const MAX_ZOOM = 40;
const REACH = 22; // pixels from the pointer to the word it means
const LABEL = { width: 7, height: 15 }; // pixels of a letter and of a line, to keep labels apart
const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOMS = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 };
const FIND = t("Find a word");
const MINUS = "\u2212";

// Whole numbers from base64, little-endian on every machine.
function decode(text, size, read) {
	const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
	const view = new DataView(bytes.buffer);
	return Array.from({ length: bytes.length / size }, (_, i) => view[read](size * i, true));
}

// The distance of two pointers.
const spread = ([[x, y], [x2, y2]]) => Math.hypot(x - x2, y - y2);

class WordMap {
	current = -1;
	matches = new Set();
	view = { x: 0, y: 0, zoom: 1 };
	pointers = new Map();

	constructor({ texts, places, neighbors, cosines, examples }, label) {
		this.texts = texts;
		this.places = decode(places, 2, "getInt16");
		this.neighbors = decode(neighbors, 2, "getUint16");
		this.cosines = decode(cosines, 1, "getInt8");
		this.neighborCount = this.neighbors.length / texts.length; // of a word
		this.box = element("div.explorer.map", {
			role: "group",
			"aria-label": t("{figure}: the map", { figure: label }),
		});
		this.addSearch(examples);
		this.lead = element("p.map-lead", { role: "status" }, this.box);
		this.canvas = element("canvas.map-canvas", { tabindex: 0, role: "img" }, this.box);
		this.canvas.ariaLabel = t("The map: arrow keys move it, plus and minus zoom.");
		this.addZoom();
		this.listen();
		new ResizeObserver(() => this.draw()).observe(this.canvas);
		on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.draw());
		const redraw = { attributes: true, attributeFilter: ["data-theme"] };
		new MutationObserver(() => this.draw()).observe(document.documentElement, redraw);
		this.choose(examples[0], true);
	}

	addSearch(examples) {
		const bar = element("p.live-bar.explorer-presets", {}, this.box);
		const attributes = { type: "search", placeholder: FIND, "aria-label": FIND };
		this.field = element("input", attributes, bar);
		on(this.field, "input", () => this.search(this.field.value.trim()));
		this.buttons = examples.map((word) => {
			const button = element("button.tool", {}, bar, this.texts[word]);
			on(button, "click", () => this.choose(word, true));
			return [button, word];
		});
	}

	addZoom() {
		const bar = element("p.live-bar.explorer-presets.map-zoom", {}, this.box);
		const add = (text, label, act) =>
			on(element("button.tool", { "aria-label": label }, bar, text), "click", act);
		add("+", t("Zoom in"), () => this.zoomBy(1.5));
		add(MINUS, t("Zoom out"), () => this.zoomBy(1 / 1.5));
		add(t("All words"), t("Show all words"), () => this.showAll());
	}

	showAll() {
		this.view = { x: 0, y: 0, zoom: 1 };
		this.draw();
	}

	// A word spelled like this, or those that contain it.
	search(text) {
		const lower = text.toLowerCase();
		const matches = [...this.texts.keys()].filter((i) => {
			return lower && this.texts[i].toLowerCase().includes(lower);
		});
		this.matches = new Set(matches);
		const starts = matches.find((i) => this.texts[i].toLowerCase().startsWith(lower));
		const word =
			matches.find((i) => this.texts[i] === text) ??
			matches.find((i) => this.texts[i].toLowerCase() === lower) ??
			starts ??
			matches[0];
		if (word !== undefined) return this.choose(word, true, this.matches);
		this.current = -1;
		this.lead.textContent = text
			? t("“{text}” is not one of these words.", { text })
			: t("Click a word.");
		this.draw();
	}

	nearest(word) {
		return this.neighbors.slice(word * this.neighborCount, (word + 1) * this.neighborCount);
	}

	// Shows a word and its neighbors; `moves` brings all of them into view.
	choose(word, moves = false, matches = new Set()) {
		this.current = word;
		this.matches = matches;
		if (moves) this.fit([word, ...this.nearest(word)]);
		for (const [button, example] of this.buttons) button.ariaPressed = example === word;
		this.describe();
		this.draw();
	}

	describe() {
		const { current, neighborCount, cosines } = this;
		this.lead.textContent = "";
		element("b", {}, this.lead, this.texts[current]);
		this.lead.append(` ${t("is most like")} `);
		this.nearest(current).forEach((word, i) => {
			const number = (cosines[current * neighborCount + i] / 100).toFixed(2).replace("-", MINUS);
			const cosine = t("cosine {number}", { number: decimal(number) });
			const button = element("button.tok", { title: cosine }, this.lead);
			button.textContent = this.texts[word];
			on(button, "click", () => this.choose(word, true));
			this.lead.append(" ");
		});
	}

	fit(words) {
		const xs = words.map((word) => this.places[2 * word]);
		const ys = words.map((word) => this.places[2 * word + 1]);
		const [left, right] = [Math.min(...xs), Math.max(...xs)];
		const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
		const size = Math.max(right - left, top - bottom, STEPS / 12);
		const zoom = clamp((2 * STEPS) / (1.6 * size), 1, MAX_ZOOM);
		this.view = { x: (left + right) / 2, y: (bottom + top) / 2, zoom };
	}

	// Pixels of a word, and what one step of a coordinate is in pixels.
	get scale() {
		const { clientWidth: width, clientHeight: height } = this.canvas;
		return (Math.min(width, height) / (2.1 * STEPS)) * this.view.zoom;
	}

	pixelOf(word) {
		const { clientWidth: width, clientHeight: height } = this.canvas;
		return [
			width / 2 + (this.places[2 * word] - this.view.x) * this.scale,
			height / 2 - (this.places[2 * word + 1] - this.view.y) * this.scale,
		];
	}

	draw() {
		const { canvas } = this;
		const { clientWidth: width, clientHeight: height } = canvas;
		if (!width) return;
		const ratio = devicePixelRatio || 1;
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		const context = canvas.getContext("2d");
		context.scale(ratio, ratio);
		const style = getComputedStyle(canvas);
		this.paints = Object.fromEntries(
			["ink", "muted", "pale", "accent", "paper"].map((name) => [name, this.paint(style, name)]),
		);
		context.font = `13px ${style.fontFamily}`;
		context.textBaseline = "middle";
		this.drawWords(context, width, height);
	}

	// A color of the page as the canvas understands it.
	paint(style, name) {
		const probe = (this.probe ??= element("i", { hidden: "" }, this.box));
		probe.style.color = `var(--fig-${name})`;
		return getComputedStyle(probe).color;
	}

	drawWords(context, width, height) {
		const { current, matches, paints } = this;
		const near = current < 0 ? [] : this.nearest(current);
		this.drawLinks(context, near);
		const lit = new Set([current, ...near]);
		const occupied = new Set();
		const first = [current, ...near, ...matches].filter((word) => word >= 0);
		const seen = new Set(first);
		const order = [...first, ...[...this.texts.keys()].filter((word) => !seen.has(word))];
		for (const word of order) {
			const [x, y] = this.pixelOf(word);
			if (x < 0 || y < 0 || x > width || y > height) continue;
			const strong = lit.has(word) || matches.has(word);
			context.fillStyle = strong ? paints.accent : paints.pale;
			context.beginPath();
			context.arc(x, y, word === current ? 5 : strong ? 3.5 : 1.8, 0, 2 * Math.PI);
			context.fill();
			const place = [x + 6, y, this.texts[word]];
			if (this.takeRoom(occupied, place) || word === current)
				this.write(context, place, lit.has(word));
		}
	}

	drawLinks(context, near) {
		context.strokeStyle = this.paints.accent;
		context.globalAlpha = 0.6;
		for (const word of near) {
			context.beginPath();
			context.moveTo(...this.pixelOf(this.current));
			context.lineTo(...this.pixelOf(word));
			context.stroke();
		}
		context.globalAlpha = 1;
	}

	// Occupies the cells that a label needs; false if some of them are occupied.
	takeRoom(occupied, [x, y, text]) {
		const cells = [];
		const row = Math.floor(y / LABEL.height);
		const last = Math.floor((x + text.length * LABEL.width) / 10);
		for (let column = Math.floor((x - 8) / 10); column <= last; column++) {
			cells.push(`${column} ${row}`, `${column} ${row + 1}`);
		}
		if (cells.some((cell) => occupied.has(cell))) return false;
		for (const cell of cells) occupied.add(cell);
		return true;
	}

	write(context, [x, y, text], strong) {
		context.lineWidth = 3;
		context.strokeStyle = this.paints.paper;
		context.fillStyle = strong ? this.paints.ink : this.paints.muted;
		context.strokeText(text, x, y);
		context.fillText(text, x, y);
		context.lineWidth = 1.2;
	}

	listen() {
		const { canvas } = this;
		on(canvas, "pointerdown", (event) => this.onDown(event));
		on(canvas, "pointermove", (event) => this.onMove(event));
		on(canvas, "pointerup pointercancel", (event) => this.onUp(event));
		on(canvas, "wheel", (event) => this.onWheel(event), { passive: false });
		on(canvas, "dblclick", (event) => this.zoomBy(2, event));
		on(canvas, "keydown", (event) => this.onKey(event));
	}

	onDown(event) {
		this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
		this.moved = 0;
		this.canvas.setPointerCapture(event.pointerId);
	}

	// One finger or the mouse moves the map, two fingers zoom it.
	onMove(event) {
		const before = this.pointers.get(event.pointerId);
		if (!before) return this.hover(event);
		const points = [...this.pointers.values()];
		const earlier = points.length === 2 ? spread(points) : 0;
		const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
		this.moved += Math.abs(dx) + Math.abs(dy);
		this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
		if (earlier) return this.zoomBy(spread([...this.pointers.values()]) / earlier);
		this.view.x -= dx / this.scale;
		this.view.y += dy / this.scale;
		this.draw();
	}

	onUp(event) {
		this.pointers.delete(event.pointerId);
		if (event.type === "pointerup" && this.moved < 5) this.hover(event, true);
	}

	// The pointer is on a word. A click keeps it.
	hover(event, clicked = false) {
		if (event.pointerType === "touch" && !clicked) return;
		const word = this.wordAt(event);
		this.canvas.style.cursor = word < 0 ? "grab" : "pointer";
		if (clicked && word >= 0) this.choose(word);
		else this.canvas.title = word < 0 ? "" : this.texts[word];
	}

	wordAt({ offsetX, offsetY }) {
		let best = -1;
		let reach = REACH;
		for (let word = 0; word < this.texts.length; word++) {
			const [x, y] = this.pixelOf(word);
			const distance = Math.hypot(x - offsetX, y - offsetY);
			if (distance < reach) [best, reach] = [word, distance];
		}
		return best;
	}

	// The wheel scrolls the page as usual; with Control, or after a pinch, it zooms the map.
	onWheel(event) {
		if (!event.ctrlKey && !event.metaKey) return;
		event.preventDefault();
		this.zoomBy(Math.exp(-event.deltaY / 200), event);
	}

	// The place under the pointer, or the middle, stays where it is.
	zoomBy(factor, { offsetX, offsetY } = {}) {
		const { clientWidth: width, clientHeight: height } = this.canvas;
		const [dx, dy] = offsetX === undefined ? [0, 0] : [offsetX - width / 2, offsetY - height / 2];
		const before = this.scale;
		this.view.zoom = clamp(this.view.zoom * factor, 1, MAX_ZOOM);
		this.view.x += dx / before - dx / this.scale;
		this.view.y -= dy / before - dy / this.scale;
		this.draw();
	}

	onKey(event) {
		if (event.altKey || event.ctrlKey || event.metaKey) return;
		if (event.key in ZOOMS) this.zoomBy(ZOOMS[event.key]);
		else if (event.key === "0") this.showAll();
		else if (event.key in MOVES && !hasModifier(event)) {
			const [x, y] = MOVES[event.key].map((step) => (40 * step) / this.scale);
			this.view.x -= x;
			this.view.y += y;
			this.draw();
		} else return;
		event.preventDefault();
	}
}

export const openMap = (figure, data) => new WordMap(data, figureName(figure)).box;
