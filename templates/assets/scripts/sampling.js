// Temperature, top-k and top-p, computed as in layerbook/core/distributions.py.

// The sum over ranks, the small ones first, so that they are not lost.
export function sum(values, from, to) {
	let total = 0;
	for (let rank = to - 1; rank >= from; rank--) total += values[rank];
	return total;
}

// Removes the ranks from `from` on, and makes the others sum to 1 again.
function truncate(probs, by, from, to) {
	const rest = sum(probs, 0, from);
	const lost = sum(probs, from, to);
	for (let rank = 0; rank < to; rank++) probs[rank] = rank < from ? probs[rank] / rest : 0;
	return { by, from, count: to - from, lost: lost / (rest + lost) };
}

// The number of best tokens that together reach the probability.
function countReaching(probs, mass, count) {
	let total = probs[0];
	let rank = 1;
	for (; rank < count && total < mass; rank++) total += probs[rank];
	return rank;
}

// A rank, drawn at random from what `sample` returns.
export function drawRank({ probs, left }) {
	let remaining = Math.random() - probs[0];
	let rank = 0;
	while (remaining >= 0 && rank < left - 1) remaining -= probs[++rank];
	return rank;
}

// The tokens after one prompt: `order` has their ids, best first, of equal scores the lower id.
export class Scores {
	constructor(logits) {
		this.logits = logits;
		this.order = Uint32Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
	}

	// Probabilities by rank, what each step cut off, how many tokens are left, and among how many
	// a fair choice would be as uncertain.
	sample(temperature, topK, topP) {
		const probs = this.weights(temperature);
		const [by, count] = temperature ? ["top-k", topK] : ["greedy", 1];
		const cuts = [truncate(probs, by, count, this.order.length)];
		if (topP < 1) cuts.push(truncate(probs, "top-p", countReaching(probs, topP, count), count));
		const zero = probs.indexOf(0);
		const left = zero < 0 ? probs.length : zero;
		const bits = probs.subarray(0, left).reduce((total, p) => total - p * Math.log2(p), 0);
		const { from } = cuts.at(-1);
		cuts.push({ by: "rounding", from: left, count: from - left });
		return { probs, cuts, left, choices: 2 ** bits };
	}

	// At temperature 0 only the best is left, which is 0 behind itself whatever divides that.
	weights(temperature) {
		const { logits, order } = this;
		const best = logits[order[0]];
		return Float64Array.from(order, (id, rank) => {
			if (rank === 0) return 1;
			return temperature && Math.exp((logits[id] - best) / temperature);
		});
	}
}
