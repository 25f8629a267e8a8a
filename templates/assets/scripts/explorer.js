// A view of the attention patterns of every layer and head.

import { mark, t } from "./messages.js";
import { clamp, element, hasModifier, on, percent, svgElement } from "./common.js";
import { MEAN } from "./patterns.js";

// Names of examples that the data may have.
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

export class AttentionExplorer {
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

	// The text, with an arc from the token that looks to each that it looks at.
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
		// The last arc is drawn on top.
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

	// A slider for one part of the state; returns the function that shows its value.
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

	// Each token is a row and a column of the map, an item of the list, and a chip of the text.
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

	// Small pictures: a column is a layer, a row a head, the first row the mean of all.
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

	// `masked`: the first token came or went, which changes the small pictures as well.
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

	// The row in one sentence.
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

	// Shares are rounded in the data: only that of a row with one place to look at is exact.
	percent(share) {
		return percent(share, this.state.row === Number(this.state.withoutFirst));
	}

	// Announces the layer and head, and the tokens that the row looks at most.
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

	// Left and right move the layer; up and down the row, or in the small pictures the head.
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
