// The next token: its likeliest candidates, and what the knobs of sampling make of them.

import { grouped, t } from "../scripts/messages.js";
import { clamp, element, on, percent } from "../scripts/common.js";
import { drawRank, Scores } from "../scripts/sampling.js";

const SHOWN = 12;
const MIN_MARKED = 0.002; // below that a mark would only be noise
const KNOBS = ["temperature", "top-k", "top-p"];
const PRESETS = { likeliest: [0, 0, 1], bold: [0.8, 40, 0.95], own: [1, 0, 1] };

export class NextToken {
	// choose: called with the id of the picked candidate. changed: called when a knob turns.
	constructor(box, { token, choose, changed }) {
		Object.assign(this, { token, choose, changed });
		this.list = box.querySelector("ol");
		this.summary = box.querySelector(".try-summary");
		this.fields = KNOBS.map((name) => box.querySelector(`[name="${name}"]`));
		this.presets = [...box.querySelectorAll("[data-preset]")];
		for (const field of this.fields) on(field, "input", () => this.turn());
		for (const button of this.presets) {
			on(button, "click", () => this.setKnobs(PRESETS[button.dataset.preset]));
		}
		on(this.list, "click", ({ target }) => {
			const button = target.closest("button");
			if (button) this.choose(Number(button.value));
		});
		this.setPreset("likeliest");
	}

	setPreset(name) {
		this.setKnobs(PRESETS[name]);
	}

	// [temperature, top-k, top-p]; a top-k of 0 keeps all tokens.
	get knobs() {
		return this.fields.map((field, i) =>
			field.value && field.validity.valid ? Number(field.value) : PRESETS.own[i],
		);
	}

	setKnobs(values) {
		this.fields.forEach((field, i) => (field.value = values[i]));
		this.turn();
	}

	turn() {
		for (const button of this.presets) {
			button.ariaPressed = PRESETS[button.dataset.preset].join() === this.knobs.join();
		}
		if (this.scores) this.draw();
		this.changed();
	}

	// Shows logits, beside those of the model with nothing switched off, if they differ.
	show(logits, unchanged = null) {
		this.scores = new Scores(logits);
		this.own = this.scores.sample(1, logits.length, 1).probs;
		this.before = unchanged && probabilities(unchanged);
		this.draw();
	}

	draw() {
		const { order } = this.scores;
		const [temperature, topK, topP] = this.knobs;
		const kept = clamp(topK || order.length, 1, order.length);
		this.sampled = this.scores.sample(temperature, kept, topP);
		const rows = Array.from({ length: Math.min(SHOWN, order.length) }, (_, rank) => this.row(rank));
		this.list.replaceChildren(...rows);
		this.summary.textContent = this.describe(this.sampled.left);
	}

	describe(left) {
		const { length } = this.scores.order;
		if (left === 1) return t("The model always writes the first of these.");
		if (left === length)
			return t("Any of the {count} tokens may be drawn.", { count: grouped(length) });
		return t("One of the likeliest {count} is drawn.", { count: grouped(left) });
	}

	row(rank) {
		const id = this.scores.order[rank];
		const { shown } = this.token(id);
		const item = element("li");
		const button = element(
			"button.tok",
			{ value: id, title: t("Write this one") },
			item,
			shown || t("empty"),
		);
		button.ariaLabel = t("Write {token}", { token: shown || t("an empty token") });
		const share = element("span.explorer-share", { "aria-hidden": "true" }, item);
		element("i", {}, share).style.width = `${100 * this.own[rank]}%`;
		if (this.before?.[id] > MIN_MARKED)
			element("b", {}, share).style.left = `${100 * this.before[id]}%`;
		element("span.explorer-value", {}, item, percent(this.own[rank]));
		const drawn = this.sampled.probs[rank];
		element("span.explorer-value.try-drawn", {}, item, drawn ? percent(drawn) : t("never"));
		return item;
	}

	// The id of a token, drawn with the knobs as they are.
	pick() {
		return this.scores.order[drawRank(this.sampled)];
	}
}

function probabilities(logits) {
	const most = logits.reduce((a, b) => Math.max(a, b));
	const exponents = Float64Array.from(logits, (logit) => Math.exp(logit - most));
	const sum = exponents.reduce((a, b) => a + b, 0);
	return exponents.map((value) => value / sum);
}
