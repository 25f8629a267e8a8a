// The parts of the model that the reader has switched off, as chips that switch them on again.

import { t } from "../scripts/messages.js";
import { element, on } from "../scripts/common.js";

const NONE = { heads: [], mlps: [], blocked: [] };

export class Changes {
	// Heads as `layer.head`, MLPs as layers, blocked tokens as positions.
	sets = structuredClone(NONE);

	// `heads` is the number of heads of a layer.
	constructor(box, heads, changed) {
		Object.assign(this, { box, heads, changed });
	}

	get isEmpty() {
		return Object.values(this.sets).every((values) => !values.length);
	}

	// Switches all of these on if all are off, and else off.
	toggle(kind, ...values) {
		const off = values.every((value) => this.sets[kind].includes(value));
		const others = this.sets[kind].filter((value) => !values.includes(value));
		this.sets[kind] = off ? others : [...others, ...values];
		this.draw();
		this.changed();
	}

	restore(sets) {
		this.sets = { ...structuredClone(NONE), ...sets };
		this.draw();
	}

	// Positions that a new text does not have cannot be hidden in it.
	dropBlockedFrom(length) {
		this.sets.blocked = this.sets.blocked.filter((position) => position < length);
		this.draw();
	}

	draw() {
		const { heads, mlps, blocked } = this.sets;
		this.box.replaceChildren();
		for (const layer of new Set(heads.map((name) => name.split(".")[0]))) {
			const names = heads.filter((name) => name.startsWith(`${layer}.`));
			if (names.length === this.heads)
				this.addChip(t("layer {layer}, all heads", { layer }), "heads", ...names);
			else
				for (const name of names) {
					const head = name.split(".")[1];
					this.addChip(t("layer {layer}, head {head}", { layer, head }), "heads", name);
				}
		}
		for (const layer of mlps) this.addChip(t("MLP of layer {layer}", { layer }), "mlps", layer);
		for (const position of blocked)
			this.addChip(t("token {position} hidden", { position }), "blocked", position);
		if (this.isEmpty) return;
		on(element("button", {}, this.box, t("Undo all")), "click", () => {
			this.restore({});
			this.changed();
		});
	}

	addChip(name, kind, ...values) {
		const button = element(
			"button",
			{ "aria-label": t("Undo: {name}", { name }) },
			this.box,
			`${name} ✕`,
		);
		on(button, "click", () => this.toggle(kind, ...values));
	}
}
