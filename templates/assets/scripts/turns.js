// Two tokens that a reader moves: RoPE turns their arrows, and the angle follows their distance.

import { ClockFace, nearAngle } from "./clock.js";
import { clamp, element, hasModifier, on, svgElement, targetOfKey } from "./common.js";
import { decimal, mark, plural, t } from "./messages.js";
import { startWidgets } from "./widget.js";

const MINUS = "\u2212";
const ROLES = ["query", "key"];
const LABELS = [mark("Position of {token}, the query"), mark("Position of {token}, the key")];
const ASKER = 0;

const signed = (number) => decimal(number.toFixed(1).replace("-", MINUS));

// Two numbers as an arrow, the first pointing to twelve: [angle, length].
const arrowOf = ([up, right]) => [Math.atan2(right, up), Math.hypot(up, right)];

class Turns {
	constructor({ names, query, key, speed, divisor, last, start }, label) {
		Object.assign(this, { names, speed, divisor, last, positions: start.slice() });
		this.start = start;
		this.arrows = [arrowOf(query), arrowOf(key)];
		this.longest = Math.max(...this.arrows.map(([, length]) => length)) / 0.92;
		this.box = element("div.explorer.turns", {
			role: "group",
			"aria-label": t("{figure}: clocks", { figure: label }),
		});
		this.addPresets();
		this.addTrack();
		this.addFaces();
		this.lead = element("p.turns-lead", {}, this.box);
		this.addCurve();
		this.status = element("p.visually-hidden", { role: "status" }, this.box);
		this.update();
	}

	addPresets() {
		const group = { role: "group", "aria-label": t("Examples") };
		const bar = element("p.live-bar.explorer-presets", group, this.box);
		const add = (name, positions) => {
			on(element("button.tool", {}, bar, name), "click", () => this.update(positions(), true));
		};
		add(t("Side by side"), () => this.start.slice());
		add(t("Far apart"), () => [this.last, 0]);
		add(`‹ ${t("Move both")}`, () => this.shifted(-1));
		add(`${t("Move both")} ›`, () => this.shifted(1));
	}

	// Both tokens moved, unless one would leave the track.
	shifted(by) {
		const fits = this.positions.every(
			(position) => position + by >= 0 && position + by <= this.last,
		);
		return this.positions.map((position) => position + (fits ? by : 0));
	}

	// A row of positions with two tokens on it, which are sliders.
	addTrack() {
		this.track = element("div.turns-track", {}, this.box);
		for (let position = 0; position <= this.last; position++) {
			const tick = element("span.turns-position", {}, this.track, position % 4 ? "" : position);
			tick.style.left = this.percentOf(position);
		}
		this.tokens = this.names.map((name, i) => {
			const attributes = { role: "slider", tabindex: 0, "aria-valuemin": 0 };
			const token = element(`span.tok.turns-token.${ROLES[i]}`, attributes, this.track, name);
			token.ariaLabel = t(LABELS[i], { token: name });
			token.ariaValueMax = this.last;
			on(token, "keydown", (event) => this.onKey(event, i));
			on(token, "pointerdown", (event) => token.setPointerCapture(event.pointerId));
			on(token, "pointermove", (event) => {
				if (token.hasPointerCapture(event.pointerId)) this.drag(event, i);
			});
			return token;
		});
	}

	percentOf(position) {
		return `${(100 * position) / this.last}%`;
	}

	drag({ clientX }, i) {
		const { left, width } = this.track.getBoundingClientRect();
		this.move(i, Math.round(((clientX - left) / width) * this.last));
	}

	onKey(event, i) {
		if (hasModifier(event)) return;
		const position = targetOfKey(event, this.positions[i], this.last, 1);
		if (position === undefined) return;
		this.move(i, position);
		event.preventDefault();
	}

	// The key stays behind the query, or at the same position.
	move(i, position) {
		const positions = this.positions.slice();
		const [from, to] = i === ASKER ? [positions[1], this.last] : [0, positions[0]];
		positions[i] = clamp(position, from, to);
		this.update(positions);
	}

	addFaces() {
		const row = element("div.turns-faces", {}, this.box);
		this.faces = [["query"], ["key"], ROLES].map((roles) => {
			const box = element("div", {}, row);
			const face = new ClockFace(box, roles);
			return { face, note: element("span", {}, box) };
		});
	}

	// The part of the score that comes from this clock, by distance.
	addCurve() {
		const heights = Array.from({ length: this.last + 1 }, (_, d) => this.product(d));
		this.most = Math.max(...heights.map(Math.abs)) * 1.15 || 1;
		const plot = element("div.turns-plot", {}, this.box);
		const box = { viewBox: "0 -1 1 2", preserveAspectRatio: "none", "aria-hidden": "true" };
		const svg = svgElement("svg", box, plot);
		svgElement("path", { d: "M0 0H1", class: "turns-zero" }, svg);
		const fine = 8;
		const points = Array.from({ length: this.last * fine + 1 }, (_, i) => {
			const height = -this.product(i / fine) / this.most;
			return `${(i / fine / this.last).toFixed(4)} ${height.toFixed(4)}`;
		});
		svgElement("path", { d: `M${points.join("L")}`, class: "turns-curve" }, svg);
		this.dot = element("i.waves-dot", {}, plot);
		const words = element("p.turns-axis", {}, this.box);
		element("span", {}, words, t("same position"));
		element("span", {}, words, t("what this clock adds to the score, by distance"));
		element("span", {}, words, t("{count} apart", { count: this.last }));
	}

	// The angle from the turned key to the turned query.
	angle(distance) {
		const [[query], [key]] = this.arrows;
		return query - key + distance * this.speed;
	}

	product(distance) {
		const [[, query], [, key]] = this.arrows;
		return (query * key * Math.cos(this.angle(distance))) / this.divisor;
	}

	update(positions = this.positions, speaks = false) {
		this.positions = positions;
		const turned = this.arrows.map(([angle, length], i) => [
			angle + positions[i] * this.speed,
			length / this.longest,
		]);
		const distance = positions[0] - positions[1];
		const degrees = Math.abs((nearAngle(this.angle(distance)) * 180) / Math.PI).toFixed(0);
		const adds = signed(this.product(distance));
		const lead = plural(
			distance,
			"One position apart: the angle is {degrees}°, and this clock adds {adds} to the score.",
			"{count} positions apart: the angle is {degrees}°, and this clock adds {adds} to the score.",
			{ degrees, adds },
		);
		this.tokens.forEach((token, i) => {
			token.style.left = this.percentOf(positions[i]);
			token.ariaValueNow = positions[i];
			token.ariaValueText = `${positions[i]}. ${lead}`;
			this.faces[i].face.show([turned[i]]);
			this.faces[i].note.textContent = t("{token} at position {position}", {
				token: this.names[i],
				position: positions[i],
			});
		});
		this.faces[2].face.show(turned, { arc: true });
		this.faces[2].note.textContent = t("angle {degrees}°", { degrees });
		this.lead.textContent = lead;
		this.dot.style.left = this.percentOf(distance);
		this.dot.style.top = `${50 - (50 * this.product(distance)) / this.most}%`;
		if (speaks) this.status.textContent = this.lead.textContent;
	}
}

startWidgets("turns", (data, label) => new Turns(data, label).box);
