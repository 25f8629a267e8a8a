// The lens: what the model would write next if it ended after each layer, at one token.

import { t } from "../scripts/messages.js";
import { element, on, percent } from "../scripts/common.js";

const SHOWN = 3;

export class Layers {
	// `toggleMlp` is called with a layer whose MLP the reader switches off or on; without it, none can.
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
		const first = element("tr");
		this.table.replaceChildren(first);
		this.fill(first, t("embedding"), rows[0]);
		if (this.hasSwitches) element("td", {}, first);
		rows.slice(1).forEach((tokens, layer) => {
			const row = element("tr", {}, this.table);
			this.fill(row, t("layer {layer}", { layer }), tokens);
			if (!this.hasSwitches) return;
			const cell = element("td", {}, row);
			const button = element("button.try-switch", { value: layer }, cell, "MLP");
			button.ariaPressed = mlps.has(layer);
			button.ariaLabel = t("Switch off the MLP of layer {layer}", { layer });
		});
	}

	fill(row, name, tokens) {
		element("th", { scope: "row" }, row, name);
		tokens.forEach(({ id, prob }, rank) => {
			const cell = element(rank ? "td.try-rest" : "td", {}, row);
			cell.style.setProperty("--share", `${100 * prob}%`);
			element("span.tok", {}, cell, this.token(id).shown || t("empty"));
			element("small", {}, cell, percent(prob));
		});
	}
}
