// A text written one token at a time: the wheel of each step, which the reader spins or overrules.

import { element, hasModifier, on, percent, targetOfKey } from "./common.js";
import { decimal, grouped, t } from "./messages.js";
import { drawRank, Scores } from "./sampling.js";
import { startWidgets } from "./widget.js";

const MODEL_ITSELF = { temperature: 1, topP: 1 }; // and all of the listed tokens

// Short enough to fit below a token.
const rounded = (share) => (share < 0.01 ? percent(share) : `${Math.round(100 * share)}\u202f%`);

class Writing {
	written = []; // the chosen tokens: { rank, share, prob, text: the number of the text it followed }
	shown = 0; // the step whose wheel is shown

	constructor({ prompt, tokens, listed, count, texts }, label) {
		Object.assign(this, { prompt, listed, texts });
		this.scores = texts.map(({ logs }) => new Scores(Float64Array.from(logs)));
		this.size = texts[0].logs.length;
		this.knobs = { ...MODEL_ITSELF, topK: this.size };
		this.box = element("div.explorer.play.writing", {
			role: "group",
			"aria-label": t("{figure}: a text to write", { figure: label }),
		});
		this.strip = element(
			"p.writing-text",
			{ role: "group", "aria-label": t("The text") },
			this.box,
		);
		for (const token of tokens) element("span.tok", {}, this.strip, token);
		on(this.strip, "keydown", (event) =>
			this.onArrow(event, [...this.strip.querySelectorAll("button")]),
		);
		this.addButtons();
		this.lead = element("p.writing-lead", { role: "status" }, this.box);
		this.addRows(count - this.size);
		this.addKnobs();
		this.show();
	}

	addButtons() {
		const bar = element("p.play-bar", {}, this.box);
		const add = (text, act) => {
			const button = element("button", {}, bar, text);
			on(button, "click", act);
			return button;
		};
		add(t("Spin the wheel"), () => this.take(this.spin()));
		add(t("Take the likeliest"), () => this.take(0));
		this.restart = add(t("Start again"), () => this.cutTo(0));
	}

	// One row for each token of the wheel: a button that appends it.
	addRows(others) {
		const list = element("ol", {}, element("div.explorer-list", {}, this.box));
		this.rows = Array.from({ length: this.size }, (_, rank) => {
			const item = element("li", {}, list);
			const button = element("button.writing-row", {}, item);
			const token = element("span.tok", {}, button);
			const share = element("span.explorer-share", {}, button);
			const bar = element("i", {}, share);
			const own = element("b", {}, share);
			const value = element("span.explorer-value", {}, button);
			on(button, "click", () => this.take(rank));
			return { item, button, token, bar, own, value };
		});
		on(list, "keydown", (event) =>
			this.onArrow(
				event,
				this.rows.map(({ button }) => button),
			),
		);
		this.note = element("p.play-note", {}, this.box);
		this.others = grouped(others);
	}

	addKnobs() {
		const board = element("div.play-board", {}, this.box);
		const add = (name, text, attributes) => {
			element("span", { "aria-hidden": true }, board, text);
			const input = element("input", { type: "range", "aria-label": text, ...attributes }, board);
			const output = element("output", {}, board);
			on(input, "input", () => {
				this.knobs[name] = input.valueAsNumber;
				this.show();
			});
			return { name, input, output };
		};
		this.sliders = [
			add("temperature", t("Temperature"), { min: 0, max: 2, step: 0.05 }),
			add("topK", "Top-k", { min: 1, max: this.size, step: 1 }),
			add("topP", "Top-p", { min: 0, max: 1, step: 0.05 }),
		];
	}

	// The number of the text before a step; undefined outside the tree.
	textBefore(step) {
		if (step === 0) return 0;
		const { text, rank } = this.written[step - 1];
		return this.leadsTo(text, rank);
	}

	leadsTo(text, rank) {
		const next = this.texts[text].leads[rank];
		return next < 0 ? undefined : next;
	}

	// True if the tree has a wheel for the token after all written ones.
	goesOn() {
		const last = this.textBefore(this.written.length);
		return last !== undefined && !this.texts[last].ended;
	}

	wheel(text) {
		const { temperature, topK, topP } = this.knobs;
		return this.scores[text].sample(temperature, topK, topP);
	}

	spin() {
		return drawRank(this.wheel(this.textBefore(this.shown)));
	}

	// Writes a token at the shown step, in place of the token there and of all later ones.
	take(rank) {
		const text = this.textBefore(this.shown);
		const share = this.wheel(text).probs[rank];
		this.written.length = this.shown;
		this.written.push({ text, rank, share, prob: Math.exp(this.texts[text].logs[rank]) });
		if (this.goesOn()) this.shown++;
		this.show();
	}

	cutTo(step) {
		this.written.length = step;
		this.showStep(step);
	}

	showStep(step) {
		this.shown = step;
		this.show();
	}

	tokenOf({ text, rank }) {
		return this.listed[this.texts[text].tokens[rank]];
	}

	show() {
		this.showText();
		this.showWheel(this.textBefore(this.shown));
		this.describe();
		for (const { name, input, output } of this.sliders) {
			input.value = this.knobs[name];
			output.textContent = input.ariaValueText = decimal(String(this.knobs[name]));
		}
		this.restart.disabled = !this.written.length;
	}

	// The tokens of the prompt, a button for each written one, and one for the place of the next.
	showText() {
		const focused = this.strip.contains(document.activeElement);
		for (const old of this.strip.querySelectorAll("button")) old.remove();
		this.written.forEach((choice, step) => {
			const [, shown] = this.tokenOf(choice);
			const values = { step: step + 1, token: shown, share: rounded(choice.share) };
			const button = this.addStep(step, shown || t("empty"), values.share);
			button.ariaLabel = t("step {step}: {token}, with {share} of the wheel", values);
		});
		const next = this.written.length;
		if (this.goesOn()) {
			const label = t("step {step}: the next token", { step: next + 1 });
			const button = this.addStep(next, "?", "");
			button.ariaLabel = label;
			button.classList.add("next");
		}
		if (focused) this.strip.querySelector("[aria-pressed='true']").focus();
	}

	addStep(step, shown, share) {
		const attributes = { "aria-pressed": step === this.shown };
		const button = element("button.writing-step", attributes, this.strip);
		button.tabIndex = step === this.shown ? 0 : -1;
		element("span.tok", {}, button, shown);
		element("small", {}, button, share);
		on(button, "click", () => this.showStep(step));
		return button;
	}

	showWheel(text) {
		const { tokens, logs } = this.texts[text];
		const { probs, cuts } = this.wheel(text);
		const taken = this.written[this.shown]?.rank;
		this.rows.forEach(({ item, button, token, bar, own, value }, rank) => {
			const cut = cuts.find(({ from }) => rank >= from);
			token.textContent = this.listed[tokens[rank]][1] || t("empty");
			bar.style.width = `${100 * probs[rank]}%`;
			own.style.left = `${100 * Math.exp(logs[rank])}%`;
			value.textContent = cut ? `✗ ${cut.by}` : percent(probs[rank]);
			item.classList.toggle("absent", Boolean(cut));
			item.classList.toggle("marked", rank === taken);
			item.classList.toggle("edge", this.leadsTo(text, rank) === undefined);
			button.tabIndex = rank === (taken ?? 0) ? 0 : -1;
		});
		const listed = logs.reduce((total, log) => total + Math.exp(log), 0);
		const values = {
			count: this.size,
			others: this.others,
			share: percent(Math.max(0, 1 - listed)),
		};
		this.note.textContent = [
			t("The wheel has the {count} likeliest tokens.", values),
			t("The {others} others, together {share}, are left out.", values),
			t("A mark on a line is the model’s own share."),
			t("The book has not computed what comes after a pale token."),
		].join(" ");
	}

	describe() {
		const { length } = this.written;
		this.lead.textContent = "";
		if (this.shown === length) this.lead.append(this.describeText());
		else if (this.shown === length - 1 && !this.goesOn()) this.describeEnd();
		else {
			const share = percent(this.written[this.shown].share);
			this.lead.append(
				t(
					"The marked token had {share} of the wheel. Choose again, and the text goes on from here.",
					{
						share,
					},
				),
			);
		}
	}

	describeText() {
		const { length } = this.written;
		if (!length) return t("Choose the first token, or spin the wheel.");
		const prob = this.written.reduce((total, choice) => total * choice.prob, 1);
		const values = { count: length, share: percent(prob) };
		return length === 1
			? t("The model gives this token {share}. What comes next?", values)
			: t("The model gives these {count} tokens together {share}. What comes next?", values);
	}

	// Describes a text without a wheel: the model ended it, or the book has not computed it.
	describeEnd() {
		if (this.textBefore(this.written.length) !== undefined) {
			this.lead.append(t("The marked token ends the text. You can choose another one."));
			return;
		}
		this.lead.append(
			t("The book has not computed how this text goes on. You can choose another token."),
		);
		if (!document.querySelector("a[href^='try.html']")) return;
		const { temperature, topK, topP } = this.knobs;
		const written = this.written.map((choice) => this.tokenOf(choice)[0]).join("");
		const fragment = new URLSearchParams({
			text: this.prompt + written,
			temperature,
			"top-k": topK,
			"top-p": topP,
		});
		const link = { href: `try.html#${fragment}` };
		this.lead.append(" ");
		element("a", link, this.lead, t("Or let the model itself go on with it."));
	}

	onArrow(event, buttons) {
		const target = targetOfKey(event, buttons.indexOf(document.activeElement), buttons.length - 1);
		if (target === undefined || hasModifier(event)) return;
		event.preventDefault();
		buttons[target].focus();
	}
}

startWidgets("writing", (data, label) => new Writing(data, label).box);
