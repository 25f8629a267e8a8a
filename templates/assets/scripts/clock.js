// Clock faces whose hands turn: angles in radians, clockwise from twelve, as in figures.py.

import { svgElement } from "./common.js";

const RADIUS = 44;
const ARC_RADIUS = 18;

const pointAt = (angle, radius) => [radius * Math.sin(angle), -radius * Math.cos(angle)];

// An angle from -π to π.
export function nearAngle(angle) {
	return Math.atan2(Math.sin(angle), Math.cos(angle));
}

export class ClockFace {
	// `roles`: of each hand, the name of its color.
	constructor(parent, roles) {
		this.svg = svgElement("svg", { viewBox: "-50 -50 100 100", "aria-hidden": "true" }, parent);
		this.svg.classList.add("clock");
		svgElement("circle", { r: RADIUS, class: "clock-rim" }, this.svg);
		for (let hour = 0; hour < 12; hour++) {
			const [x, y] = pointAt((hour * Math.PI) / 6, RADIUS - 4);
			const [x2, y2] = pointAt((hour * Math.PI) / 6, RADIUS);
			svgElement("path", { d: `M${x} ${y}L${x2} ${y2}`, class: "clock-tick" }, this.svg);
		}
		this.arc = svgElement("path", { class: "clock-arc" }, this.svg);
		this.hands = roles.map((role) => {
			const hand = svgElement("path", { class: "clock-hand" }, this.svg);
			hand.style.stroke = `var(--${role})`;
			return hand;
		});
		svgElement("circle", { r: 2.5, class: "clock-pin" }, this.svg);
	}

	// Each hand as [angle, length], a length of 1 reaching the rim.
	show(hands, { arc = false } = {}) {
		hands.forEach(([angle, length], i) => {
			const [x, y] = pointAt(angle, RADIUS * length);
			const [left, leftY] = pointAt(angle - 0.14 / length, RADIUS * length - 6);
			const [right, rightY] = pointAt(angle + 0.14 / length, RADIUS * length - 6);
			const d = `M0 0L${x} ${y}M${left} ${leftY}L${x} ${y}L${right} ${rightY}`;
			this.hands[i].setAttribute("d", d);
		});
		if (!arc) return;
		const [[from], [to]] = hands;
		const [x, y] = pointAt(from, ARC_RADIUS);
		const [x2, y2] = pointAt(to, ARC_RADIUS);
		const sweep = Number(nearAngle(to - from) > 0);
		const d = `M${x} ${y}A${ARC_RADIUS} ${ARC_RADIUS} 0 0 ${sweep} ${x2} ${y2}`;
		this.arc.setAttribute("d", d);
	}
}
