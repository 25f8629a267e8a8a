// The knobs of sampling, turned over the scores of every token after a prompt.

import { decimal, grouped, t } from "./messages.js";
import { element, on, percent } from "./common.js";
import { drawRank, Scores, sum } from "./sampling.js";
import { decodeFloats } from "./viewer.js";

const TOP_K = 1; // the index of this knob
const MAX_DRAWN = 30;
const MANY = 1000;
const AT_ONCE = 25; // draws in one frame of the animation

const knobsOf = (preset) => JSON.parse(preset.dataset.knobs);

// A row of the list, as playground.html has it.
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

	// Connects the slider and the number field of one knob; returns a function that updates both.
	connect(i, slider, field) {
		// The slider of top-k counts in powers: half its way is the root of the vocabulary's size.
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

	// Draws a thousand more tokens, a few in each frame, so that readers see the counts grow.
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

	// The last count is for all tokens that are not in the list.
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

	// `source` is the control that the reader is moving; its value is not overwritten.
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

export const openPlayground = (figure, data) => new Playground(figure, data).box;
