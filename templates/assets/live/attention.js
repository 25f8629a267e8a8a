// The attention of a text that the model has just read: a map, and heads worth a look in it.

import { element, on } from "../scripts/common.js";
import { AttentionExplorer } from "../scripts/explorer.js";
import { t } from "../scripts/messages.js";
import { MEAN } from "../scripts/patterns.js";
import { LivePatterns, PRESETS } from "./patterns.js";

const MAX_MAPPED = 80; // tokens whose attention is drawn

class LiveExplorer extends AttentionExplorer {
	showPattern(options) {
		super.showPattern(options);
		this.onPattern?.();
	}
}

export class LiveAttention {
	explorer = null;
	notable = []; // heads worth a look

	// `onPattern` is called when another pattern is shown.
	constructor(box, { shape, shades, token, onPattern = () => {} }) {
		Object.assign(this, { shape, shades, token, onPattern });
		this.map = box.querySelector(".try-map");
		this.presets = box.querySelector("[role='group']");
	}

	// Shows the text that `model` has read, in the head that was on view.
	async show(model, ids) {
		const mapped = ids.length <= MAX_MAPPED;
		const state = this.explorer?.state;
		this.explorer = null;
		this.presets.hidden = !mapped;
		this.notable = [];
		if (!mapped) {
			const limit = t("The map is drawn for texts of up to {count} tokens.", {
				count: MAX_MAPPED,
			});
			this.map.replaceChildren(element("p", {}, undefined, limit));
			return;
		}
		const { layers, heads } = this.shape;
		const shares = [];
		for (let layer = 0; layer < layers; layer++) shares.push(await model.pattern(layer));
		const data = {
			ids,
			tokens: ids.map((id) => this.token(id).shown || t("empty")),
			facts: ids.map((id, i) => t("position {position}, id {id}", { position: i, id })),
			layers: [...Array(layers).keys()],
			heads,
			start: state ? state.layer : Math.floor(layers / 2),
			shades: this.shades,
		};
		const patterns = new LivePatterns(data, shares);
		this.explorer = new LiveExplorer(t("Attention in your text"), data, patterns);
		this.explorer.box.style.setProperty("--count", data.tokens.length);
		this.map.replaceChildren(this.explorer.box);
		this.explorer.onPattern = this.onPattern;
		this.explorer.update({ head: state ? state.head : MEAN });
		this.showPresets(patterns);
	}

	showPresets(patterns) {
		this.presets.replaceChildren();
		for (const [name, measure] of PRESETS) {
			const { layer, head, query, value } = patterns.find(measure);
			if (!value) continue; // no head does this in this text
			this.notable.push({ layer, head });
			const place = { title: t("layer {layer}, head {head}", { layer, head }) };
			const button = element("button", place, this.presets, t(name));
			on(button, "click", () =>
				this.explorer.update({ layer, head, row: query, column: null, locked: false }),
			);
		}
	}
}
