// Sequences: all frames are in the page; on screens this shows one at a time, with controls.

import { t } from "./messages.js";
import { clamp, element, hasModifier, on, targetOfKey } from "./common.js";

const SECONDS_PER_FRAME = 1.1;

// The words of a part of a frame, or "" where the frame has no such part.
const textOf = (frame, selector) =>
	(frame.querySelector(selector)?.textContent ?? "").replace(/\s+/g, " ").trim();

class Stepper {
	current = 0;
	timer = null;
	reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

	constructor(box, frames) {
		this.box = box;
		this.frames = frames;
		this.unit = box.dataset.step;
		this.unitName = box.dataset.unit; // in the language of the book
		this.createControls(box.dataset.name);
		this.listen();
		this.followMotionSetting();

		box.classList.add("stepping");
		box.role = "group";
		box.ariaLabel = t("{name}, step by step", { name: box.dataset.name });
		box.tabIndex = 0;
		box.prepend(this.bar);
		box.append(this.status);
		this.show(0, true);
	}

	createControls(name) {
		const label = { "aria-label": `${name}, ${this.unitName}` };
		const button = (action, text) => element("button", { "aria-label": action }, this.bar, text);
		this.bar = element("div.stepper");
		this.back = button(t("Previous {unit}", { unit: this.unitName }), "‹");
		this.play = button(t("Play"), "▶");
		this.forward = button(t("Next {unit}", { unit: this.unitName }), "›");
		const range = { type: "range", min: 1, max: this.frames.length, ...label };
		this.slider = element("input", range, this.bar);
		this.position = element("output", {}, this.bar);
		this.status = element("p.visually-hidden", { "aria-live": "polite" });
		if (this.unit === "word") this.createList(label);
	}

	// Words are picked from a list, not passed one after the other.
	createList(label) {
		this.list = element("select", label);
		for (const frame of this.frames) this.list.add(new Option(textOf(frame, ".frame-name")));
		on(this.list, "change", () => this.goTo(this.list.selectedIndex));
		this.play.replaceWith(this.list);
		this.slider.remove();
	}

	listen() {
		on(this.back, "click", () => this.goTo(this.current - 1));
		on(this.forward, "click", () => this.goTo(this.current + 1));
		on(this.play, "click", () => this.togglePlaying());
		on(this.slider, "input", () => this.goTo(Number(this.slider.value) - 1));
		on(this.box, "keydown", (event) => this.onKey(event));
		on(this.reducedMotion, "change", () => this.followMotionSetting());
	}

	followMotionSetting() {
		this.play.hidden = this.reducedMotion.matches;
		if (this.reducedMotion.matches) this.pause();
	}

	show(index, quietly = false) {
		this.current = clamp(index, 0, this.frames.length - 1);
		this.frames.forEach((frame, i) => frame.classList.toggle("current", i === this.current));
		const position = t("{unit} {place} of {count}", {
			unit: this.unitName,
			place: this.current + 1,
			count: this.frames.length,
		});
		this.slider.value = this.current + 1;
		this.slider.ariaValueText = position;
		if (this.list) this.list.selectedIndex = this.current;
		this.position.textContent = position;
		this.back.disabled = this.current === 0;
		this.forward.disabled = this.current === this.frames.length - 1;
		// While it plays, reading out every frame would only fall behind.
		if (!quietly) this.announce(position);
	}

	announce(position) {
		const frame = this.frames[this.current];
		const texts = [".frame-name", ".badge.stop", ".frame-note"].map((part) => textOf(frame, part));
		this.status.textContent = [position, ...texts].filter(Boolean).join(". ");
	}

	goTo(index) {
		this.pause();
		this.show(index);
	}

	pause() {
		if (this.timer === null) return;
		clearInterval(this.timer);
		this.timer = null;
		this.play.textContent = "▶";
		this.play.ariaLabel = t("Play");
		this.show(this.current);
	}

	togglePlaying() {
		if (this.timer !== null) return this.pause();
		if (this.reducedMotion.matches) return;
		const last = this.frames.length - 1;
		this.play.textContent = "❚❚";
		this.play.ariaLabel = t("Pause");
		if (this.current === last) this.show(0, true);
		this.timer = setInterval(() => {
			this.show(this.current + 1, true);
			if (this.current === last) this.pause();
		}, SECONDS_PER_FRAME * 1000);
	}

	onKey(event) {
		if (hasModifier(event)) return;
		if (event.target.closest(".scroll[tabindex], a, summary, select")) return;
		const { current, frames } = this;
		const target = targetOfKey(event, current, frames.length - 1, 1);
		if (target !== undefined) this.goTo(target);
		else if (event.key === " " && !event.target.closest("button")) this.togglePlaying();
		else return;
		event.preventDefault();
	}
}

for (const box of document.querySelectorAll(".frames")) {
	const frames = [...box.querySelectorAll(".frame")];
	if (frames.length > 1) new Stepper(box, frames);
}
