// The attention of the reader's own text, and the heads worth a look in it.

import { mark } from "../scripts/messages.js";
import { Patterns } from "../scripts/patterns.js";

// `shares` has a layer's patterns [heads, T, T] in each place.
export class LivePatterns extends Patterns {
	share(layer, head, query, key) {
		const count = this.data.tokens.length;
		return this.shares[layer][(head * count + query) * count + key];
	}

	// The mean over queries, from the second on, of a measure of each one's shares.
	mean(layer, head, measure) {
		const count = this.data.tokens.length;
		let sum = 0;
		for (let query = 1; query < count; query++) {
			sum += measure((key) => this.share(layer, head, query, key), query);
		}
		return sum / Math.max(1, count - 1);
	}

	// The head with the largest mean of a measure, as {layer, head, value}.
	find(measure) {
		let best = { layer: 0, head: 0, value: -1 };
		for (let layer = 0; layer < this.shares.length; layer++) {
			for (let head = 0; head < this.data.heads; head++) {
				const value = this.mean(layer, head, measure);
				if (value > best.value) best = { layer, head, value };
			}
		}
		return best;
	}
}

// How far a query looks around: the entropy of its shares.
function spread(share, query) {
	let bits = 0;
	for (let key = 0; key <= query; key++)
		if (share(key) > 0) bits -= share(key) * Math.log2(share(key));
	return bits;
}

// What a button beside the map leads to: of all heads, the one that does this most.
export const PRESETS = [
	[mark("Looks one token back"), (share, query) => share(query - 1)],
	[mark("Looks at itself"), (share, query) => share(query)],
	[mark("Looks at the first token"), (share) => share(0)],
	[mark("Looks all around"), spread],
];
