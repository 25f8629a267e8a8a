// The lens: what the model would write next if it ended after each layer, at one token.

import { t } from "../scripts/messages.js";
import { element, on, percent } from "../scripts/common.js";

const SHOWN = 3;
const PLACES = ["", ".try-second", ".try-third"]; // narrow tables leave out the last ones

export class Layers {
	// toggleMlp: called with the layer whose MLP is switched; without it, there are no switches.
	constructor(box, { token, toggleMlp }) {
		Object.assign(this, { token, hasSwitches: Boolean(toggleMlp) });
		this.table = box.querySelector("tbody");
		this.heading = box.querySelector(".try-at");
		on(this.table, "click", ({ target }) => {
			const button = target.closest("button");
			if (button) toggleMlp?.(Number(button.value));
		});
	}

	get count() {
		return SHOWN;
	}

	// `rows`: the best tokens after the embedding and after each layer; the last is the model's own.
	show(at, rows, mlps = new Set()) {
		this.heading.textContent = at.shown || t("empty");
		this.table.replaceChildren();
		const first = this.addRow(t("embedding"));
		if (this.hasSwitches) element("td", {}, first);
		this.fill(first, rows[0]);
		rows.slice(1).forEach((tokens, layer) => {
			const row = this.addRow(t("layer {layer}", { layer }));
			if (this.hasSwitches) this.addSwitch(row, layer, mlps.has(layer));
			this.fill(row, tokens);
		});
	}

	addRow(name) {
		const row = element("tr", {}, this.table);
		element("th", { scope: "row" }, row, name);
		return row;
	}

	addSwitch(row, layer, isOff) {
		const button = element("button.try-switch", { value: layer }, element("td", {}, row), "MLP");
		button.ariaPressed = isOff;
		button.ariaLabel = t("Switch off the MLP of layer {layer}", { layer });
	}

	fill(row, tokens) {
		tokens.forEach(({ id, prob }, rank) => {
			const cell = element(`td${PLACES[rank]}`, {}, row);
			cell.style.setProperty("--share", `${100 * prob}%`);
			element("span.tok", {}, cell, this.token(id).shown || t("empty"));
			element("small", {}, cell, percent(prob));
		});
	}
}
