// The attention of the reader's own text, and the heads worth a look in it.

import { mark } from "../scripts/messages.js";
import { Patterns } from "../scripts/patterns.js";

// `shares` has a layer's patterns [heads, T, T] in each place; `data.ids` are the text's tokens.
export class LivePatterns extends Patterns {
	share(layer, head, query, key) {
		const count = this.data.tokens.length;
		return this.shares[layer][(head * count + query) * count + key];
	}

	// The head in which a measure of each query's shares, from the second on, has the largest mean,
	// and the query in which it is largest there, as {layer, head, query, value}.
	find(measure) {
		let best = { value: 0 };
		for (let layer = 0; layer < this.shares.length; layer++) {
			for (let head = 0; head < this.data.heads; head++) {
				const strongest = this.measureHead(layer, head, measure);
				if (strongest.value > best.value) best = { layer, head, ...strongest };
			}
		}
		return best;
	}

	measureHead(layer, head, measure) {
		const { ids } = this.data;
		let sum = 0;
		let most = -1;
		let query = 0;
		for (let row = 1; row < ids.length; row++) {
			const value = measure((key) => this.share(layer, head, row, key), row, ids);
			sum += value;
			if (value >= most) [most, query] = [value, row];
		}
		return { query, value: sum / Math.max(1, ids.length - 1) };
	}
}

// The entropy of the shares of a query: large if it looks at many tokens.
function spread(share, query) {
	let bits = 0;
	for (let key = 0; key <= query; key++)
		if (share(key) > 0) bits -= share(key) * Math.log2(share(key));
	return bits;
}

// What goes to the tokens that came after earlier uses of the query's own token.
function repeats(share, query, ids) {
	let sum = 0;
	for (let key = 1; key < query; key++) if (ids[key - 1] === ids[query]) sum += share(key);
	return sum;
}

// What a button beside the map leads to: of all heads, the one that does this most.
export const PRESETS = [
	[mark("Looks one token back"), (share, query) => share(query - 1)],
	[mark("Looks for what followed last time"), repeats],
	[mark("Looks at itself"), (share, query) => share(query)],
	[mark("The sink: looks at the first token"), (share) => share(0)],
	[mark("Looks all around"), spread],
];
