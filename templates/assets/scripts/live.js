// A text of the reader's own, cut into tokens; the tokenizer is loaded when the reader asks.

import { grouped, mark, plural, t } from "./messages.js";
import { element, hasModifier, loadScript, on, targetOfKey } from "./common.js";
import { createTokenizer, hex, showText } from "./tokenizer.js";

const MAX_CHARACTERS = 20000;
const MAX_CHIPS = 1500;
const MAX_PRINTED = 400; // on paper, where the field cannot be
const SLOW = 2000; // from this many characters on, it waits for a pause in the typing
const PAUSE = 250; // milliseconds
const MERGE = `▶ ${t("Merge step by step")}`;
const MERGING = 9000; // milliseconds that all merges of a text take at most, unless there are many
const SHORTEST_PAUSE = 120; // milliseconds between two merges
const MAX_MERGED = 300; // characters, of a text whose merges can be stepped through

// A character that stands for another one is marked as such.
function writeShown(parent, { text, shown }) {
	const raw = [...text];
	const chars = [...shown];
	if (!chars.length) element("span.nothing", {}, parent, t("empty"));
	chars.forEach((char, i) => {
		if (raw.length === chars.length && raw[i] !== char) element("span.ws", {}, parent, char);
		else parent.append(char);
	});
	parent.normalize();
}

function describe(token, position) {
	const bytes = Array.from(token.bytes, (byte) => hex(byte, 2));
	const bytesText = t(bytes.length === 1 ? mark("byte {bytes}") : mark("bytes {bytes}"), {
		bytes: bytes.join(" "),
	});
	const meaning = token.special ? t("a special token, which stands for no text") : bytesText;
	return t("position {position}: {token}, id {id}, {meaning}", {
		position,
		token: token.shown || t("empty"),
		id: token.id,
		meaning,
	});
}

class LiveText {
	tokens = [];
	stages = [];
	current = -1;

	constructor(box, number) {
		this.box = box;
		this.number = number;
		this.sources = box.dataset.scripts.split(" ");
		this.rows = [...box.querySelectorAll(".strip-row")];
		this.printed = this.rows[0].querySelector(".strip-label .verbatim");
		this.chips = this.rows[0].querySelector(".chips");
		this.bar = element("p.live-bar");
		this.button = element("button.tool", {}, this.bar, t("Type a text of your own"));
		const offer = t("Loads the tokenizer, {size}.", { size: box.dataset.size });
		this.status = element("span.live-status", { role: "status" }, this.bar, offer);
		box.prepend(this.bar);
		this.addExamples();
		on(this.button, "click", () => this.load());
	}

	// A button for each of the figure's texts; the rows of the others are hidden.
	addExamples() {
		if (this.rows.length < 2) return;
		const bar = element("p.live-bar.live-examples", { role: "group", "aria-label": t("Examples") });
		this.rows.forEach((row, i) => {
			const label = row.querySelector(".strip-label").textContent.replaceAll("·", " ");
			const button = element("button.tool", { "aria-pressed": i === 0 }, bar, label);
			on(button, "click", () => this.showExample(i));
		});
		this.buttons = [...bar.children];
		this.rows.forEach((row, i) => (row.hidden = i > 0));
		this.box.prepend(bar);
	}

	showExample(index) {
		if (this.field) {
			this.field.value = this.texts[index];
			this.show();
		} else this.rows.forEach((row, i) => (row.hidden = i !== index));
		this.press(index);
	}

	press(index) {
		this.buttons?.forEach((button, i) => button.setAttribute("aria-pressed", i === index));
	}

	async load() {
		this.button.disabled = true;
		this.status.textContent = t("Loading …");
		try {
			// One after the other, since the second may need the first.
			for (const source of this.sources) await loadScript(source);
		} catch {
			return this.reportMissing();
		}
		const data = window.layerbookData?.[this.sources.at(-1)];
		if (data && window.layerbookTokenizers) this.start(data);
		else this.reportMissing();
	}

	reportMissing() {
		this.button.disabled = false;
		this.status.textContent = t("The tokenizer cannot be loaded; its files are missing.");
	}

	start(data) {
		Object.assign(this, createTokenizer(data), { texts: data.texts });
		Object.assign(window.layerbook, { tokenize: this.tokenize, stages: this.stagesOf });
		this.addField(
			data.texts[
				Math.max(
					0,
					this.rows.findIndex((row) => !row.hidden),
				)
			],
		);
		this.button.remove();
		for (const row of this.rows.slice(1)) row.remove();
		this.rows[0].hidden = false;
		this.addSlider();
		this.detail = element("p.live-detail", {}, this.box);
		this.box.classList.add("open");
		this.startList(this.chips);
		const description = this.box.closest("figure").querySelector("p.visually-hidden");
		const text = t("A field for your text, and below it the tokens that it is cut into.");
		if (description) description.textContent = text;
		this.show();
		this.field.focus();
		this.field.select();
	}

	addField(text) {
		this.field = element("textarea", { rows: 3, spellcheck: "false", autocapitalize: "off" });
		this.field.ariaLabel = t("Your text");
		this.field.value = text;
		on(this.field, "input", () => {
			this.press(this.texts.indexOf(this.field.value));
			clearTimeout(this.timer);
			this.timer = setTimeout(() => this.show(), this.field.value.length < SLOW ? 0 : PAUSE);
		});
		this.box.insertBefore(this.field, this.bar);
	}

	// Steps through the merges that make the tokens.
	addSlider() {
		this.merges = element("p.live-merges");
		const label = element("label", {}, this.merges, t("Merges "));
		this.slider = element("input", { type: "range", min: 0, step: 1 }, label);
		this.merge = element("span.live-merge", {}, this.merges);
		on(this.slider, "input", () => this.showStage());
		on(this.slider, "keydown pointerdown", () => this.stopMerging());
		if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
			this.play = element("button.tool", {}, this.merges, MERGE);
			on(this.play, "click", () => this.toggleMerging());
		}
		this.box.insertBefore(this.merges, this.bar);
	}

	// Goes on merging by itself, from the first merge if all are done.
	toggleMerging() {
		if (this.ticking) return this.stopMerging();
		if (this.slider.value === this.slider.max) this.slider.value = 0;
		this.showStage();
		this.play.textContent = `❚❚ ${t("Stop")}`;
		const last = Number(this.slider.max);
		const pause = Math.max(SHORTEST_PAUSE, MERGING / Math.max(last, 1));
		this.ticking = setInterval(() => {
			this.slider.stepUp();
			this.showStage();
			if (this.slider.valueAsNumber >= last) this.stopMerging();
		}, pause);
	}

	stopMerging() {
		clearInterval(this.ticking);
		this.ticking = null;
		if (this.play) this.play.textContent = MERGE;
	}

	showStage() {
		const { tokens, rank, merge } = this.stages[this.slider.valueAsNumber];
		this.drawTokens(tokens);
		this.merge.textContent = merge ? "" : t("before the first merge");
		if (merge) {
			const [left, right, whole] = merge;
			for (const part of [left, " + ", right, " → ", whole]) {
				if (part.shown === undefined) this.merge.append(part);
				else writeShown(element("span.tok", {}, this.merge), part);
			}
			this.merge.append(t(", no. {rank} in the list", { rank: grouped(rank) }));
		}
		this.slider.setAttribute("aria-valuetext", this.merge.textContent);
	}

	startList(chips) {
		chips.role = "listbox";
		chips.ariaLabel = t("The tokens");
		chips.tabIndex = 0;
		on(chips, "mouseover click", (event) => {
			const index = [...chips.children].indexOf(event.target.closest(".chip"));
			if (index < 0) return;
			if (event.type === "click") this.select(index);
			else this.showDetail(index);
		});
		on(chips, "focus", () => {
			if (this.current < 0) this.select(0);
		});
		on(chips, "keydown", (event) => this.onKey(event));
	}

	onKey(event) {
		const target = targetOfKey(event, this.current, this.chips.children.length - 1);
		if (target === undefined || hasModifier(event)) return;
		event.preventDefault();
		this.select(target);
	}

	showDetail(index) {
		const token = this.tokens[index];
		this.detail.textContent = token ? describe(token, index) : "";
	}

	select(index) {
		const { children } = this.chips;
		children[this.current]?.setAttribute("aria-selected", "false");
		this.current = index;
		const chip = children[index];
		if (chip) {
			chip.ariaSelected = "true";
			this.chips.setAttribute("aria-activedescendant", chip.id);
			chip.scrollIntoView({ block: "nearest" });
		}
		this.showDetail(index);
	}

	show() {
		const typed = [...this.field.value];
		const read = typed.slice(0, MAX_CHARACTERS);
		const tokens = this.tokenize(read.join(""));
		this.stopMerging();
		this.stages = read.length > MAX_MERGED ? [] : this.stagesOf(tokens);
		const last = this.stages.length - 1;
		this.merges.hidden = last < 1;
		this.slider.max = Math.max(last, 0);
		this.slider.value = this.slider.max;
		if (last < 1) this.drawTokens(tokens);
		else this.showStage();
		this.showPrinted(typed);
		this.showCounts(typed.length, read.length);
	}

	drawTokens(tokens) {
		this.tokens = tokens;
		const chips = tokens.slice(0, MAX_CHIPS).map((token, i) => this.createChip(token, i));
		this.chips.replaceChildren(...chips);
		this.chips.hidden = !chips.length;
		this.chips.removeAttribute("aria-activedescendant");
		this.current = -1;
		this.detail.textContent = chips.length
			? t("Point at a token, or reach it with Tab and the arrow keys.")
			: "";
	}

	createChip(token, index) {
		const chip = element("li.chip", {
			id: `live:${this.number}:${index}`,
			role: "option",
			"aria-selected": "false",
			"aria-label": describe(token, index),
		});
		writeShown(element(token.special ? "span.tok.special" : "span.tok", {}, chip), token);
		element("span.tok-id", {}, chip, token.id);
		return chip;
	}

	showPrinted(typed) {
		const start = typed.slice(0, MAX_PRINTED).join("");
		const text = start + (typed.length > MAX_PRINTED ? " …" : "");
		this.printed.textContent = "";
		writeShown(this.printed, { text, shown: showText(text) });
	}

	showCounts(typed, read) {
		const characters = plural(typed, "{count} character", "{count} characters");
		const tokens = plural(this.tokens.length, "{count} token", "{count} tokens");
		const first = t("The first {read} of {characters}:", { read: grouped(read), characters });
		const start = read < typed ? first : `${characters},`;
		const drawn = t("; the first {count} are drawn", { count: grouped(MAX_CHIPS) });
		this.status.textContent = `${start} ${tokens}${this.tokens.length > MAX_CHIPS ? drawn : ""}.`;
	}
}

document.querySelectorAll(".live").forEach((box, number) => new LiveText(box, number));
