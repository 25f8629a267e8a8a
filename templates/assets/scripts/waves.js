// The sinusoidal encoding with a constant C of the reader's own: clocks, and the waves they draw.

import { ClockFace } from "./clock.js";
import { clamp, element, on, svgElement } from "./common.js";
import { decimal, grouped, t } from "./messages.js";
import { startWidgets } from "./widget.js";

const CLOCKS = 5;
const SLIDER_STEPS = 400;
const FINE = 4; // points of a wave between two positions
const FIRST_POSITION = 6;
const RUN = `▶ ${t("Let them run")}`;
const MILLISECONDS_PER_STEP = 160;

const countText = (number) =>
	number < 100 ? decimal(number.toFixed(1)) : grouped(Math.round(number));

// C as the slider has it, in two digits.
const rounded = (C) => Number(C.toPrecision(C < 100 ? 2 : 1));

class Waves {
	timer = null;

	constructor({ d_model, last, C }, label) {
		Object.assign(this, { d_model, last });
		this.largest = Math.max(10, ...C);
		this.state = { C: C[0], position: Math.min(FIRST_POSITION, last) };
		this.box = element("div.explorer.waves", {
			role: "group",
			"aria-label": t("{figure}: clocks", { figure: label }),
		});
		this.addPresets(C);
		const sliders = element("div.explorer-bar", {}, this.box);
		this.knob = this.addSlider(sliders, "C", SLIDER_STEPS, (value) => {
			this.update({ C: rounded(this.largest ** (value / SLIDER_STEPS)) });
		});
		this.slider = this.addSlider(sliders, t("Position"), last, (position) => {
			this.pause();
			this.update({ position });
		});
		this.play = element("button.tool", {}, sliders, RUN);
		on(this.play, "click", () => this.togglePlaying());
		this.lead = element("p.waves-lead", {}, this.box);
		this.addRows();
		this.update({});
	}

	addPresets(constants) {
		const group = { role: "group", "aria-label": t("Values of C") };
		const bar = element("p.live-bar.explorer-presets", group, this.box);
		this.presets = constants.map((C) => {
			const button = element("button.tool", {}, bar, `C = ${grouped(C)}`);
			on(button, "click", () => this.update({ C }));
			return [button, C];
		});
	}

	addSlider(bar, name, max, listener) {
		const label = element("label.explorer-slider", {}, bar, name);
		const input = element("input", { type: "range", min: 0, max, step: 1 }, label);
		const output = element("output", {}, label);
		on(input, "input", () => listener(Number(input.value)));
		return { input, output };
	}

	// Some clocks from the fastest to the slowest, each with its wave.
	addRows() {
		const last = this.d_model / 2 - 1;
		this.rows = Array.from({ length: CLOCKS }, (_, i) => {
			const pair = Math.round((i * last) / (CLOCKS - 1));
			const row = element("div.waves-row", {}, this.box);
			const face = new ClockFace(row, ["accent"]);
			const box = { viewBox: `0 -1.25 ${this.last} 2.5`, preserveAspectRatio: "none" };
			const plot = element("div.waves-plot", {}, row);
			const svg = svgElement("svg", { ...box, "aria-hidden": "true" }, plot);
			const wave = svgElement("path", {}, svg);
			const cursor = element("i.waves-cursor", {}, plot);
			const dot = element("i.waves-dot", {}, plot);
			const note = element("span.waves-note", {}, row);
			on(plot, "pointerdown pointermove", (event) => this.onPointer(event, plot));
			return { pair, face, wave, cursor, dot, note };
		});
	}

	onPointer(event, plot) {
		if (event.type === "pointermove" && !event.buttons) return;
		const { left, width } = plot.getBoundingClientRect();
		const position = Math.round(((event.clientX - left) / width) * this.last);
		this.pause();
		this.update({ position: clamp(position, 0, this.last) });
	}

	// The angle that a clock turns from position to position, in radians.
	speed(pair) {
		return this.state.C ** ((-2 * pair) / this.d_model);
	}

	update(changes) {
		Object.assign(this.state, changes);
		const { C, position } = this.state;
		this.knob.input.value = Math.round((SLIDER_STEPS * Math.log(C)) / Math.log(this.largest));
		this.knob.output.textContent = grouped(C);
		this.knob.input.ariaValueText = `${grouped(C)}. ${this.describe()}`;
		this.slider.input.value = position;
		this.slider.output.textContent = position;
		for (const [button, preset] of this.presets) button.ariaPressed = preset === C;
		for (const row of this.rows) this.showRow(row);
		const turns = this.rows.map((row) => decimal(this.turns(row.pair).toFixed(2)));
		const description = t("{position}: the clocks have made {turns} turns", {
			position,
			turns: turns.join("; "),
		});
		this.slider.input.ariaValueText = description;
		this.lead.textContent = this.describe();
	}

	turns(pair) {
		return (this.state.position * this.speed(pair)) / (2 * Math.PI);
	}

	showRow({ pair, face, wave, cursor, dot, note }) {
		const speed = this.speed(pair);
		const angle = this.state.position * speed;
		face.show([[angle, 0.92]]);
		const points = Array.from({ length: this.last * FINE + 1 }, (_, i) => {
			const position = i / FINE;
			return `${position} ${(-Math.sin(position * speed)).toFixed(4)}`;
		});
		wave.setAttribute("d", `M${points.join("L")}`);
		const left = `${(100 * this.state.position) / this.last}%`;
		cursor.style.left = dot.style.left = left;
		dot.style.top = `${50 - 40 * Math.sin(angle)}%`;
		const around = countText((2 * Math.PI) / speed);
		note.textContent = t("once around in {count} positions", { count: around });
	}

	describe() {
		if (this.state.C === 1) return t("All clocks show the same time.");
		const [fast, slow] = [this.rows[0], this.rows.at(-1)].map(({ pair }) =>
			countText((2 * Math.PI) / this.speed(pair)),
		);
		const message =
			"The fastest clock comes around every {fast} positions, the slowest every {slow}.";
		return t(message, { fast, slow });
	}

	togglePlaying() {
		if (this.timer !== null) return this.pause();
		this.play.textContent = `❚❚ ${t("Stop")}`;
		this.timer = setInterval(() => {
			this.update({ position: (this.state.position + 1) % (this.last + 1) });
		}, MILLISECONDS_PER_STEP);
	}

	pause() {
		clearInterval(this.timer);
		this.timer = null;
		this.play.textContent = RUN;
	}
}

startWidgets("waves", (data, label) => new Waves(data, label).box);
