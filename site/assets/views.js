// Joined from the modules in templates/assets, which have the comments.
(() => {
"use strict";
const modules = (globalThis.layerbookModules ??= {});
const sources = (globalThis.layerbookSources ??= {});
const define = (name, run) => {
	sources[name] = run;
	try {
		modules[name] = run();
	} catch (error) {
		reportError(error); // the other parts go on
	}
};
define("scripts/catalogue.js", () => {
const MESSAGES = Object.assign((globalThis.layerbookMessages ??= {}), {});
const MARKS = { decimal: ".", group: "," };
return { MESSAGES, MARKS };
});
define("scripts/patterns.js", () => {
const MEAN = -1; // in the place of a head: the mean of all heads
function decodeShares({ weights, finer, tokens }) {
	const bytes = atob(weights);
	const shares = new Float64Array(bytes.length / 2);
	let i = 0;
	for (let row = 0; i < shares.length; row++) {
		const divisor = 2 ** Number.parseInt(finer[row], 36);
		for (let key = 0; key <= row % tokens.length; key++, i++) {
			const steps = bytes.charCodeAt(2 * i) + 256 * bytes.charCodeAt(2 * i + 1);
			shares[i] = steps / 65535 / (key ? divisor : 1);
		}
	}
	return shares;
}
const cellsAbove = (query) => (query * (query + 1)) / 2;
class Patterns {
	constructor(data, shares = decodeShares(data)) {
		this.data = data;
		this.shares = shares;
	}
	share(layer, head, query, key) {
		const start = (layer * this.data.heads + head) * cellsAbove(this.data.tokens.length);
		return this.shares[start + cellsAbove(query) + key];
	}
	row({ layer, head, withoutFirst }, query) {
		const { heads } = this.data;
		const [from, to] = head === MEAN ? [0, heads] : [head, head + 1];
		const shares = [];
		for (let key = 0; key <= query; key++) {
			let sum = 0;
			for (let h = from; h < to; h++) {
				sum += this.share(layer, h, query, key);
			}
			shares.push(sum / (to - from));
		}
		if (!withoutFirst) return shares;
		const rest = shares.slice(1).reduce((sum, share) => sum + share, 0);
		return shares.map((share, key) => (key && rest ? share / rest : null));
	}
	draw(canvas, pattern) {
		const rows = this.data.tokens.map((_, query) => this.row(pattern, query));
		this.paint(canvas, rows);
	}
	paint(canvas, rows) {
		const image = new ImageData(canvas.width, canvas.height);
		rows.forEach((shares, y) => {
			shares.forEach((share, x) => {
				if (share !== null) image.data.set(this.rgba(share), 4 * (y * canvas.width + x));
			});
		});
		canvas.getContext("2d").putImageData(image, 0, 0);
	}
	rgba(share) {
		const { shades } = this.data;
		const count = shades.length / 6;
		const start = 6 * Math.min(count - 1, Math.floor(share * count));
		const rgb = Number.parseInt(shades.slice(start, start + 6), 16);
		return [rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255];
	}
}
return { MEAN, Patterns };
});
define("scripts/explorer.js", () => {
const { mark, t } = modules["scripts/messages.js"];
const { clamp, element, hasModifier, on, percent, svgElement } = modules["scripts/common.js"];
const { MEAN } = modules["scripts/patterns.js"];
mark("One step back");
mark("The sink");
mark("What came next, last time");
const MIN_ARC = 0.03; // share of attention from which on there is an arc
const MIN_FAINT_ARC = 0.2; // the same, of the tokens that nobody points at
const MAX_RISE = 84; // pixels that an arc rises over the text
const SPEAK_AFTER = 200; // milliseconds of rest before a screen reader hears the row
const MAX_SPOKEN = 3;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const addCanvas = (parent, width, height) => element("canvas.fig-map", { width, height }, parent);
class AttentionExplorer {
	constructor(label, data, patterns) {
		const { tokens, facts, layers, heads, presets = [] } = data;
		Object.assign(this, { tokens, facts, layers, heads, presets, patterns });
		this.count = tokens.length;
		this.state = {
			layer: data.start,
			head: MEAN,
			withoutFirst: false,
			row: tokens.length - 1,
			column: null,
			locked: false,
		};
		this.box = element("div.explorer", { role: "group", "aria-label": label });
		this.addPresets();
		this.addArcs();
		this.addBar();
		this.addLegend();
		const main = element("div.explorer-main", {}, this.box);
		main.style.setProperty("--cells", this.count);
		this.addMap(main);
		this.addList(main);
		this.addTokens();
		this.addThumbnails();
		this.status = element("p.visually-hidden", { role: "status" }, this.box);
		on(this.box, "keydown", (event) => this.onKey(event));
		this.showPattern({ masked: true });
		if (presets.length) this.choosePreset(presets[0]);
		else this.showRow();
		this.observer = new ResizeObserver(() => this.drawArcs());
		this.observer.observe(this.strip);
	}
	addPresets() {
		if (!this.presets.length) return;
		const examples = { role: "group", "aria-label": t("Examples") };
		const bar = element("p.live-bar.explorer-presets", examples, this.box);
		this.presetButtons = this.presets.map((preset) => {
			const button = element("button.tool", {}, bar, t(preset.name));
			on(button, "click", () => this.choosePreset(preset));
			return button;
		});
	}
	choosePreset({ layer, head, query, key }) {
		this.update({ layer, head, row: query, column: key ?? null, locked: false });
	}
	addArcs() {
		this.lead = element("p.explorer-lead", {}, this.box);
		this.strip = element("p.explorer-strip", { "aria-hidden": "true" }, this.box);
		this.arcs = svgElement("svg", { class: "explorer-arcs" }, this.strip);
		on(this.strip, "mouseleave", () => this.update({ column: null }));
	}
	drawArcs() {
		const paths = [];
		for (let query = 0; query < this.count; query++) {
			const shares = this.patterns.row(this.state, query);
			shares.forEach((share, key) => {
				const least = query === this.state.row ? MIN_ARC : MIN_FAINT_ARC;
				if (share >= least && key < query) paths.push(this.arc(query, key, share));
			});
		}
		paths.sort((a, b) => a.classList.length - b.classList.length);
		this.arcs.replaceChildren(...paths);
	}
	arc(query, key, share) {
		const [from, to] = [query, key].map((i) => this.parts[i].chip);
		const ends = [from, to].map((chip) => [
			chip.offsetLeft + chip.offsetWidth / 2,
			chip.offsetTop - 1,
		]);
		const [[x, y], [x2, y2]] = ends;
		const rise = clamp(Math.abs(x - x2) * 0.45, 14, MAX_RISE);
		const d = `M${x} ${y}C${x} ${y - rise} ${x2} ${y2 - rise} ${x2} ${y2}`;
		const { row, column } = this.state;
		const path = svgElement("path", { d });
		path.style.strokeWidth = query === row ? 1.5 + 7 * share : 1.2;
		path.style.opacity = query === row ? 0.9 : 0.3 * share;
		if (query === row) path.classList.add("from-row");
		if (query === row && key === column) path.classList.add("to-column");
		return path;
	}
	addBar() {
		const bar = element("div.explorer-bar", {}, this.box);
		this.layerSlider = this.addSlider(bar, t("Layer"), "layer", 0, this.layers.length - 1);
		this.headSlider = this.addSlider(bar, t("Head"), "head", MEAN, this.heads - 1);
		const option = element("label.explorer-option", {}, bar);
		const check = element("input", { type: "checkbox" }, option);
		option.append(t("Leave out the first token"));
		on(check, "change", () => this.update({ withoutFirst: check.checked }));
	}
	addSlider(bar, label, key, least, most) {
		const wrap = element("label.explorer-slider", {}, bar, label);
		const input = element("input", { type: "range", min: 0, max: most - least, step: 1 }, wrap);
		const output = element("output", {}, wrap);
		on(input, "input", () => this.update({ [key]: Number(input.value) + least }));
		return (text) => {
			input.value = this.state[key] - least;
			input.ariaValueText = text;
			output.textContent = text;
		};
	}
	addLegend() {
		const legend = element("p.explorer-legend", {}, this.box, "0");
		const scale = Array.from({ length: 256 }, (_, i) => i / 256);
		this.patterns.paint(addCanvas(legend, scale.length, 1), [scale]);
		legend.append("1");
		this.meaning = element("span", {}, legend);
	}
	addMap(main) {
		const map = element("div.explorer-map", {}, main);
		const rows = { role: "group", "aria-label": t("Token that looks") };
		element("span.explorer-axis", {}, map, t("↓ token that looks"));
		this.rows = element("div.explorer-rows", rows, map);
		const cells = element("div.explorer-cells", {}, map);
		this.canvas = addCanvas(cells, this.count, this.count);
		this.rowMark = element("div.explorer-mark", {}, cells);
		this.columnMark = element("div.explorer-mark", {}, cells);
		this.columns = element("div.explorer-columns", { "aria-hidden": "true" }, map);
		element("span.explorer-axis", {}, map, t("→ token it looks at"));
		on(cells, "mousemove", (event) => this.point(...this.cellUnder(event, cells), event));
		on(cells, "click", (event) => this.lock(this.cellUnder(event, cells)[0]));
		on(cells, "mouseleave", () => this.update({ column: null }));
	}
	cellUnder({ clientX, clientY }, cells) {
		const { left, top, width } = cells.getBoundingClientRect();
		return [clientY - top, clientX - left].map((offset) =>
			clamp(Math.floor((offset / width) * this.count), 0, this.count - 1),
		);
	}
	addList(main) {
		const list = element("div.explorer-list", {}, main);
		this.heading = element("p.explorer-heading", {}, list);
		this.items = element("ol", {}, list);
	}
	addTokens() {
		this.parts = this.tokens.map((token, i) => {
			const facts = { title: this.facts[i] };
			const label = { "aria-label": t("row {row}, {token}", { row: i, token }) };
			const item = element("li", {}, this.items);
			element("span.explorer-at", {}, item, i);
			element("span.tok", facts, item, token);
			const part = {
				item,
				bar: element("i", {}, element("span.explorer-share", {}, item)),
				value: element("span.explorer-value", {}, item),
				button: element("button", label, this.rows, token),
				column: element("span", {}, element("span", {}, this.columns), token),
				chip: element("span.tok", facts, this.strip, token),
			};
			on(part.button, "focus mouseenter", (event) => this.point(i, null, event));
			on(part.chip, "mouseenter", (event) => this.point(i, i, event));
			for (const target of [part.button, part.chip]) on(target, "click", () => this.lock(i));
			return part;
		});
	}
	addThumbnails() {
		const label = t("All patterns: rows are heads, columns are layers");
		const scroll = element("div.explorer-grid.scroll", {}, this.box);
		this.table = element("table", { role: "grid", "aria-label": label }, scroll);
		const top = element("tr", {}, element("thead", {}, this.table));
		const body = element("tbody", {}, this.table);
		this.thumbs = [];
		element("td", {}, top, t("layer"));
		for (const layer of this.layers) element("th", { scope: "col" }, top, layer);
		for (let head = MEAN; head < this.heads; head++) {
			const row = element("tr", {}, body);
			element("th", { scope: "row" }, row, head === MEAN ? t("mean") : t("head {head}", { head }));
			this.layers.forEach((_, layer) => this.addThumbnail(row, layer, head));
		}
	}
	addThumbnail(row, layer, head) {
		const cell = element("td", { role: "gridcell" }, row);
		const button = element("button", { "aria-label": this.nameOf(layer, head) }, cell);
		const canvas = addCanvas(button, this.count, this.count);
		this.thumbs.push({ layer, head, cell, button, canvas });
		on(button, "click", () => {
			this.update({ layer, head });
			this.parts[this.state.row].button.focus();
		});
	}
	nameOf(layer, head) {
		const heads = head === MEAN ? t("mean of the heads") : t("head {head}", { head });
		return t("layer {layer}, {heads}", { layer: this.layers[layer], heads });
	}
	point(row, column, event) {
		const position = `${event.screenX} ${event.screenY}`;
		if (position === this.pointer) return; // the page moved, not the mouse
		if (event.type !== "focus") this.pointer = position;
		this.update(this.state.locked ? { column } : { row, column });
	}
	lock(row) {
		this.update({ row, locked: !(this.state.locked && this.state.row === row) });
	}
	update(changes) {
		const masked = "withoutFirst" in changes;
		Object.assign(this.state, changes);
		if (masked || "layer" in changes || "head" in changes) this.showPattern({ masked });
		this.showRow();
	}
	showPattern({ masked }) {
		const { layer, head, withoutFirst } = this.state;
		this.layerSlider(this.layers[layer]);
		this.headSlider(head === MEAN ? t("mean") : head);
		this.patterns.draw(this.canvas, this.state);
		this.meaning.textContent = withoutFirst
			? t("share of what the first token leaves, each row summing to one again")
			: t("share of attention");
		for (const thumb of this.thumbs) {
			const selected = thumb.layer === layer && thumb.head === head;
			thumb.button.tabIndex = selected ? 0 : -1;
			thumb.cell.ariaSelected = selected;
			if (masked) this.patterns.draw(thumb.canvas, { ...thumb, withoutFirst });
		}
	}
	showRow() {
		const { row, column, locked } = this.state;
		const shares = this.patterns.row(this.state, row);
		this.heading.textContent = t("Row {row}, {token} looks at", {
			row,
			token: this.tokens[row],
		});
		const lock = locked ? t("locked: Escape lets go") : t("click or Enter locks it");
		element("small", {}, this.heading, lock);
		this.parts.forEach((part, i) => this.showPart(part, i, shares[i] ?? null));
		const size = 100 / this.count;
		this.rowMark.style.cssText = `left:0;right:0;height:${size}%;top:${size * row}%`;
		this.columnMark.style.cssText = `top:0;bottom:0;width:${size}%;left:${size * column}%`;
		this.columnMark.hidden = column === null;
		this.showLead(shares);
		this.drawArcs();
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.announce(shares), SPEAK_AFTER);
	}
	showLead(shares) {
		const { layer, head, row, column } = this.state;
		const most = shares.reduce((best, share, i) => (share > shares[best] ? i : best), 0);
		const key = column !== null && column < row ? column : most;
		const share = shares[key] === null ? t("nothing") : this.percent(shares[key]);
		const parts = {
			"{reader}": element("span.tok", {}, undefined, this.tokens[row]),
			"{share}": element("b", {}, undefined, share),
			"{source}": element("span.tok", {}, undefined, this.tokens[key]),
		};
		const words = t("{reader} gives {share} of its attention to {source}").split(/(\{\w+\})/);
		this.lead.replaceChildren(...words.map((word) => parts[word] ?? word));
		element("small", {}, this.lead, this.nameOf(layer, head));
		this.presetButtons?.forEach((button, i) => {
			const preset = this.presets[i];
			const { layer: at, head: of, query } = preset;
			button.setAttribute("aria-pressed", at === layer && of === head && query === row);
		});
	}
	showPart({ item, bar, value, button, column, chip }, i, share) {
		const { state } = this;
		const looks = i === state.row;
		const missing = i > state.row ? t("later") : t("left out");
		item.classList.toggle("absent", share === null);
		bar.style.width = `${100 * share}%`;
		value.textContent = share === null ? missing : this.percent(share);
		chip.style.boxShadow = `inset 0 ${-1.2 * share}em var(--accent-tint)`;
		button.tabIndex = looks ? 0 : -1;
		button.ariaPressed = looks && state.locked;
		for (const node of [button, chip]) node.classList.toggle("looking", looks);
		for (const node of [item, chip, column]) node.classList.toggle("marked", i === state.column);
	}
	percent(share) {
		return percent(share, this.state.row === Number(this.state.withoutFirst));
	}
	announce(shares) {
		const { layer, head, withoutFirst, row, locked } = this.state;
		const best = [...shares.keys()]
			.filter((key) => shares[key] !== null)
			.sort((a, b) => shares[b] - shares[a])
			.slice(0, MAX_SPOKEN)
			.map((key) =>
				t("{share} to {token} at {place}", {
					share: this.percent(shares[key]),
					token: this.tokens[key],
					place: key,
				}),
			);
		const pattern = this.nameOf(layer, head) + (withoutFirst ? t(", first token left out") : "");
		const query =
			t("row {row}, {token}", { row, token: this.tokens[row] }) + (locked ? t(", locked") : "");
		this.status.textContent = `${pattern}; ${query}: ${best.join(", ") || t("nothing")}`;
	}
	onKey(event) {
		if (hasModifier(event)) return;
		const step = KEYS[event.key];
		if (event.key === "Escape" && this.state.locked) this.update({ locked: false });
		else if (step && event.target.closest("button")) this.move(step, event.target);
		else return;
		event.preventDefault();
	}
	move([across, down], target) {
		const layer = clamp(this.state.layer + across, 0, this.layers.length - 1);
		if (this.table.contains(target)) {
			this.update({ layer, head: clamp(this.state.head + down, MEAN, this.heads - 1) });
			this.table.querySelector("[tabindex='0']").focus();
		} else {
			this.update({ layer, row: clamp(this.state.row + down, 0, this.count - 1) });
			this.parts[this.state.row].button.focus();
		}
	}
}
return { AttentionExplorer };
});
define("scripts/attention.js", () => {
const { figureName } = modules["scripts/common.js"];
const { AttentionExplorer } = modules["scripts/explorer.js"];
const { t } = modules["scripts/messages.js"];
const { Patterns } = modules["scripts/patterns.js"];
function exploreAttention(figure, data) {
	const label = t("{figure}, every layer and head", { figure: figureName(figure) });
	return new AttentionExplorer(label, data, new Patterns(data)).box;
}
return { exploreAttention };
});
define("scripts/map.js", () => {
const { clamp, element, figureName, hasModifier, on } = modules["scripts/common.js"];
const { decimal, t } = modules["scripts/messages.js"];
const STEPS = 2000; // a coordinate is a whole number from -STEPS to STEPS
const MAX_ZOOM = 40;
const REACH = 22; // pixels from the pointer to the word it means
const LABEL = { width: 7, height: 15 }; // pixels of a letter and of a line, to keep labels apart
const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOMS = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 };
const FIND = t("Find a word");
const MINUS = "\u2212";
function decode(text, size, read) {
	const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
	const view = new DataView(bytes.buffer);
	return Array.from({ length: bytes.length / size }, (_, i) => view[read](size * i, true));
}
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
	onWheel(event) {
		if (!event.ctrlKey && !event.metaKey) return;
		event.preventDefault();
		this.zoomBy(Math.exp(-event.deltaY / 200), event);
	}
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
const openMap = (figure, data) => new WordMap(data, figureName(figure)).box;
return { openMap };
});
define("scripts/playground.js", () => {
const { decimal, grouped, t } = modules["scripts/messages.js"];
const { element, on, percent } = modules["scripts/common.js"];
const { drawRank, Scores, sum } = modules["scripts/sampling.js"];
const { decodeFloats } = modules["scripts/viewer.js"];
const TOP_K = 1; // the index of this knob
const MAX_DRAWN = 30;
const MANY = 1000;
const AT_ONCE = 25; // draws in one frame of the animation
const knobsOf = (preset) => JSON.parse(preset.dataset.knobs);
function partsOf(item) {
	const [, token, , bar, own, value, count] = item.querySelectorAll("span, i, b");
	return { item, token, bar, own, value, count, drawn: item.querySelector("em") };
}
function fillRow(row, probability, own, cut) {
	row.item.classList.toggle("absent", Boolean(cut));
	row.bar.style.width = `${100 * probability}%`;
	row.own.style.left = `${100 * own}%`;
	row.value.textContent = cut ? `✗ ${cut.by}` : percent(probability);
	row.value.title = probability;
}
class Playground {
	scores = []; // by prompt, once it has been chosen
	constructor(figure, data) {
		this.data = data;
		this.texts = data.texts.replaceAll(" ", "·").split("\n");
		const box = figure.querySelector("template").content.firstElementChild.cloneNode(true);
		this.box = box;
		this.prompts = box.querySelector("select");
		this.summary = box.querySelector(".play-summary");
		this.drawn = box.querySelector(".play-drawn");
		this.rows = Array.from(box.querySelectorAll("li"), partsOf);
		this.others = this.rows.pop();
		this.presets = box.querySelectorAll("[data-knobs]");
		const fields = box.querySelectorAll("[type=number]");
		const sliders = box.querySelectorAll("[type=range]");
		this.controls = Array.from(sliders, (slider, i) => this.connect(i, slider, fields[i]));
		for (const preset of this.presets) on(preset, "click", () => this.choosePreset(preset));
		on(box.querySelector(".play-draw"), "click", () => this.drawToken());
		on(box.querySelector(".play-many"), "click", () => this.drawMany());
		on(this.prompts, "change", () => {
			this.choosePrompt();
			this.show();
		});
		this.choosePrompt();
		this.choosePreset(this.presets[0]);
	}
	connect(i, slider, field) {
		const fromSlider = (value) => (i === TOP_K ? Math.round(this.size ** value) : Number(value));
		const toSlider = (value) => (i === TOP_K ? Math.log(value) / Math.log(this.size) : value);
		const set = (value, source) => {
			this.knobs[i] = value;
			this.show(source);
		};
		on(slider, "input", () => set(fromSlider(slider.value), slider));
		on(field, "input", () => {
			if (field.value && field.validity.valid) set(Number(field.value), field);
		});
		on(field, "change", () => this.show());
		return (source) => {
			const value = this.knobs[i];
			if (source !== slider) slider.value = toSlider(value);
			if (source !== field) field.value = value;
			slider.ariaValueText = value;
		};
	}
	choosePrompt() {
		const index = this.prompts.selectedIndex;
		this.scores[index] ??= new Scores(decodeFloats(this.data.logits[index]));
		this.current = this.scores[index];
		this.size = this.current.order.length;
		this.own = this.current.sample(1, this.size, 1).probs;
		this.rows.forEach((row, rank) => this.writeToken(row.token, rank));
	}
	choosePreset(preset) {
		this.knobs = knobsOf(preset);
		this.show();
	}
	writeToken(chip, rank) {
		const id = this.current.order[rank];
		chip.textContent = this.texts[id] || t("empty");
		chip.title = t("token {id}, rank {rank}", { id, rank: rank + 1 });
		return chip;
	}
	drawMany() {
		cancelAnimationFrame(this.frame);
		const total = this.total + MANY;
		const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
		const drawSome = () => {
			const until = reduced ? total : Math.min(total, this.total + AT_ONCE);
			for (; this.total < until; this.total++) {
				const rank = Math.min(drawRank(this.sampled), this.rows.length);
				this.counts[rank]++;
			}
			this.showCounts();
			if (this.total < total) this.frame = requestAnimationFrame(drawSome);
			else this.drawn.textContent = t("{count} draws", { count: grouped(total) });
		};
		this.drawn.textContent = "";
		drawSome();
	}
	showCounts() {
		[...this.rows, this.others].forEach(({ count, drawn }, rank) => {
			count.textContent = this.total ? `${grouped(this.counts[rank])}×` : "";
			drawn.style.width = `${this.total ? (100 * this.counts[rank]) / this.total : 0}%`;
		});
	}
	drawToken() {
		this.forgetCounts();
		const rank = drawRank(this.sampled);
		this.drawn.prepend(this.writeToken(element("span.tok"), rank));
		if (this.drawn.children.length > MAX_DRAWN) this.drawn.lastChild.remove();
	}
	forgetCounts() {
		cancelAnimationFrame(this.frame);
		if (this.total) this.drawn.textContent = "";
		this.total = 0;
		this.counts = Array.from({ length: this.rows.length + 1 }, () => 0);
		this.showCounts();
	}
	show(source) {
		this.sampled = this.current.sample(...this.knobs);
		const { probs, cuts } = this.sampled;
		for (const write of this.controls) write(source);
		this.rows.forEach((row, rank) => {
			const cut = cuts.find(({ from }) => rank >= from);
			fillRow(row, probs[rank], this.own[rank], cut);
		});
		this.showOthers();
		this.summary.textContent = this.describe();
		for (const preset of this.presets) {
			preset.ariaPressed = knobsOf(preset).join() === this.knobs.join();
		}
		this.drawn.textContent = "";
		this.forgetCounts();
	}
	showOthers() {
		const { size, own } = this;
		const { probs, left } = this.sampled;
		const shown = this.rows.length;
		const leftOthers = grouped(Math.max(0, left - shown));
		this.others.token.textContent = t("{left} of {count} others", {
			left: leftOthers,
			count: grouped(size - shown),
		});
		fillRow(this.others, sum(probs, shown, size), sum(own, shown, size));
	}
	describe() {
		const { cuts, left, choices } = this.sampled;
		const counts = { left: grouped(left), count: grouped(this.size) };
		const fair = { ...counts, choices: decimal(choices.toFixed(2)) };
		const parts = [
			t("{left} of {count} tokens are left, as hard to guess as a fair draw from {choices}", fair),
		];
		cuts.forEach(({ by, count, lost }, i) => {
			if (!count) return;
			const whole = i && cuts[0].count ? t("what was left") : t("the probability");
			const removed = { by, count: grouped(count), share: percent(lost), whole };
			const part = lost
				? t("{by} removed {count} with {share} of {whole}", removed)
				: t("{by} removed {count}", removed);
			parts.push(part);
		});
		return parts.join("; ");
	}
}
const openPlayground = (figure, data) => new Playground(figure, data).box;
return { openPlayground };
});
define("views.js", () => {
const { exploreAttention } = modules["scripts/attention.js"];
const { openMap } = modules["scripts/map.js"];
const { openPlayground } = modules["scripts/playground.js"];
window.layerbook.views = { patterns: exploreAttention, scores: openPlayground, map: openMap };
});
})();
