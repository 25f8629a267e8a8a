// Maps of points: readers point at a dot, tap it, or step through all; a line below describes it.

import { t } from "./messages.js";
import { element, hasModifier, on } from "./common.js";

const REACH = 24; // pixels: a dot that is farther from the pointer is not meant
const NONE = -1;

// Removes the title of a dot, which browsers would show too; the line below has its text.
function takeDot(group) {
	const title = group.querySelector("title");
	const use = group.querySelector("use");
	title.remove();
	const position = `${use.getAttribute("x")} ${use.getAttribute("y")}`;
	return { group, use, position, number: group.dataset.point, text: title.textContent };
}

class PointMap {
	current = NONE;

	constructor(svg, dots) {
		this.svg = svg;
		this.dots = dots;
		this.links = [...svg.querySelectorAll(".fig-link")];
		this.createReadout(svg.querySelector("title")?.textContent);
		on(svg, "pointermove pointerleave click", (event) => this.onPointer(event));
		this.show(NONE);
		// Some figures have one picture for wide screens and one for narrow ones.
		this.bar.classList.add(...(svg.closest(".wide, .narrow")?.classList ?? []));
		svg.closest(".picture").after(this.bar);
	}

	createReadout(title) {
		const label = title === undefined ? t("The points") : t("The points: {title}", { title });
		this.bar = element("div.readout", { role: "group", "aria-label": label });
		const back = element("button", { "aria-label": t("Previous point") }, this.bar, "‹");
		const forward = element("button", { "aria-label": t("Next point") }, this.bar, "›");
		on(back, "click", () => this.step(-1));
		on(forward, "click", () => this.step(1));
		this.readout = element("output", {}, this.bar);
		on(this.bar, "keydown", (event) => this.onKey(event));
	}

	show(index) {
		const dot = this.dots[index];
		const lit = new Set(dot && [dot.number]);
		this.current = index;
		for (const link of this.links) {
			const ends = link.dataset.link.split(" ");
			const touches = dot !== undefined && ends.includes(dot.number);
			link.classList.toggle("lit", touches);
			if (touches) for (const end of ends) lit.add(end);
		}
		// Dots in the same place light up as well.
		for (const { group, number, position } of this.dots) {
			group.classList.toggle("lit", lit.has(number) || position === dot?.position);
		}
		this.svg.classList.toggle("pointing", dot !== undefined);
		this.readout.textContent =
			dot?.text ??
			t("Point at one of the {count} dots, or step through them.", { count: this.dots.length });
	}

	step(by) {
		const count = this.dots.length;
		this.show(this.current === NONE && by < 0 ? count - 1 : (this.current + by + count) % count);
	}

	onPointer(event) {
		// A finger does not hover, so the dot that it tapped stays lit.
		if (event.type !== "click" && event.pointerType === "touch") return;
		const nearest = event.type === "pointerleave" ? NONE : this.nearestTo(event);
		if (nearest !== this.current) this.show(nearest);
	}

	nearestTo({ clientX, clientY }) {
		let nearest = NONE;
		let reach = REACH;
		this.dots.forEach(({ use }, index) => {
			const { left, right, top, bottom } = use.getBoundingClientRect();
			const distance = Math.hypot((left + right) / 2 - clientX, (top + bottom) / 2 - clientY);
			if (distance >= reach) return;
			reach = distance;
			nearest = index;
		});
		return nearest;
	}

	onKey(event) {
		if (hasModifier(event)) return;
		const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
		const target = { Home: 0, End: this.dots.length - 1, Escape: NONE }[event.key];
		if (by) this.step(by);
		else if (target !== undefined) this.show(target);
		else return;
		event.preventDefault();
		event.stopPropagation();
	}
}

for (const svg of document.querySelectorAll(".picture svg")) {
	const dots = Array.from(svg.querySelectorAll(".fig-point"), takeDot);
	dots.sort((a, b) => a.number - b.number);
	if (dots.length) new PointMap(svg, dots);
}
