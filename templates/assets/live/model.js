// The whole model: tokens in, scores of the next token out. It is a Llama, and takes its sizes from
// the file. Vectors are float32, one token after the other: `x` is the residual stream [n, width].

import { LiveError } from "./errors.js";

const SETTINGS = {
	layers: "block_count",
	width: "embedding_length",
	hidden: "feed_forward_length",
	heads: "attention.head_count",
	context: "context_length",
	epsilon: "attention.layer_norm_rms_epsilon",
};

const KEYS = 8; // a multiple of them is multiplied at a time

// A pass with nothing switched off. Heads are named `layer.head`, MLPs by their layer; a blocked
// position is seen by no later token, in any layer.
export const UNCHANGED = { heads: new Set(), mlps: new Set(), blocked: new Set() };

export function readShape({ settings, tensors }) {
	const shape = {};
	for (const [name, key] of Object.entries(SETTINGS)) shape[name] = settings[`llama.${key}`];
	shape.keyHeads = settings["llama.attention.head_count_kv"] ?? shape.heads;
	shape.headSize = settings["llama.attention.key_length"] ?? shape.width / shape.heads;
	shape.ropeBase = settings["llama.rope.freq_base"] ?? 10000;
	shape.vocabulary = tensors["token_embd.weight"]?.rows;
	return shape;
}

// RMSNorm of each vector: divided by its root mean square, times a gain.
function normalize(x, gain, epsilon) {
	const width = gain.length;
	const out = new Float32Array(x.length);
	for (let start = 0; start < x.length; start += width) {
		let squares = 0;
		for (let i = 0; i < width; i++) squares += x[start + i] ** 2;
		const scale = 1 / Math.sqrt(squares / width + epsilon);
		for (let i = 0; i < width; i++) {
			out[start + i] = x[start + i] * scale * gain[i];
		}
	}
	return out;
}

function add(x, y) {
	for (let i = 0; i < x.length; i++) x[i] += y[i];
}

// Returns the numbers unless one is infinite or NaN, as damaged weights can make them.
function finite(numbers) {
	if (!numbers.every(Number.isFinite)) {
		throw new LiveError("the model computes values that are not finite numbers");
	}
	return numbers;
}

const roundUp = (number, unit) => Math.ceil(number / unit) * unit;

const emptyLists = (count) => Array.from({ length: count }, () => []);

function joined(parts) {
	const all = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
	let length = 0;
	for (const part of parts) {
		all.set(part, length);
		length += part.length;
	}
	return all;
}

// The vector of one position, from what several passes have left.
function vectorAt(parts, position, width) {
	let start = position * width;
	for (const part of parts) {
		if (start < part.length) return part.subarray(start, start + width);
		start -= part.length;
	}
	throw new Error(`no token has run at position ${position}`);
}

export class Model {
	// The cache of keys and values has room for `capacity` tokens.
	constructor(header, matrices, capacity) {
		this.tensors = header.tensors;
		this.matrices = matrices;
		this.shape = readShape(header);
		this.capacity = roundUp(capacity, KEYS);
		const { layers, keyHeads, headSize, ropeBase } = this.shape;
		// As PyTorch has them, in float32.
		this.frequencies = Float32Array.from(
			{ length: headSize / 2 },
			(_, i) => 1 / Math.fround(ropeBase ** ((2 * i) / headSize)),
		);
		const eachHead = (make) => Array.from({ length: keyHeads }, make);
		this.cache = Array.from({ length: layers }, () => ({
			keys: eachHead(() => matrices.zeros(this.capacity, headSize)),
			values: eachHead(() => matrices.zeros(headSize, this.capacity)), // a column is a token
		}));
		this.reset();
	}

	// Forgets all tokens. `kept`: what the pass leaves for `pattern` and `lens`.
	reset() {
		this.length = 0;
		this.midway = false; // in a pass
		const { layers } = this.shape;
		this.kept = { streams: emptyLists(layers + 1), queries: emptyLists(layers) };
	}

	tensor(name) {
		return this.tensors[`${name}.weight`];
	}

	times(name, x) {
		const matrix = this.tensor(name);
		return this.matrices.multiply(matrix, x, x.length / matrix.columns);
	}

	normalize(name, x) {
		return normalize(x, this.matrices.row(this.tensor(name), 0), this.shape.epsilon);
	}

	// Runs new tokens through the model and yields after each layer, so that others can have their
	// turn. Returns the logits after the last token.
	*pass(ids, changes = UNCHANGED) {
		if (this.midway) throw new Error("the last text was stopped midway; run it from its start");
		this.midway = true;
		const { layers, width } = this.shape;
		const x = this.embed(ids);
		for (let layer = 0; layer < layers; layer++) {
			this.kept.streams[layer].push(x.slice());
			add(x, this.attention(layer, x, changes));
			if (!changes.mlps.has(layer)) add(x, this.mlp(layer, x));
			yield (layer + 1) / layers;
		}
		this.kept.streams[layers].push(x);
		this.length += ids.length;
		this.midway = false;
		return this.unembed(x.subarray(x.length - width));
	}

	embed(ids) {
		const { width } = this.shape;
		const x = new Float32Array(ids.length * width);
		const table = this.tensor("token_embd");
		ids.forEach((id, t) => x.set(this.matrices.row(table, id), t * width));
		return x;
	}

	attention(layer, x, { heads, blocked }) {
		const block = `blk.${layer}.attn_`;
		const input = this.normalize(`${block}norm`, x);
		const queries = this.times(`${block}q`, input);
		const keys = this.times(`${block}k`, input);
		const values = this.times(`${block}v`, input);
		this.rotate(queries, this.shape.heads);
		this.rotate(keys, this.shape.keyHeads);
		this.store(layer, keys, values);
		this.kept.queries[layer].push(queries);
		const z = this.mix(layer, queries, blocked);
		this.switchOff(layer, z, heads);
		return this.times(`${block}output`, z);
	}

	mlp(layer, x) {
		const block = `blk.${layer}.ffn_`;
		const input = this.normalize(`${block}norm`, x);
		const hidden = this.times(`${block}up`, input);
		this.matrices.gateBySilu(this.times(`${block}gate`, input), hidden);
		return this.times(`${block}down`, hidden);
	}

	// RoPE: turns each pair (2i, 2i + 1) of a head by an angle that grows
	// with the position.
	rotate(vectors, heads) {
		const { headSize } = this.shape;
		const width = heads * headSize;
		const pairs = headSize / 2;
		for (let pair = 0; pair < pairs; pair++) {
			for (let t = 0; t * width < vectors.length; t++) {
				const angle = Math.fround((this.length + t) * this.frequencies[pair]);
				const cos = Math.cos(angle);
				const sin = Math.sin(angle);
				for (let i = t * width + 2 * pair; i < (t + 1) * width; i += headSize) {
					const a = vectors[i];
					const b = vectors[i + 1];
					vectors[i] = a * cos - b * sin;
					vectors[i + 1] = a * sin + b * cos;
				}
			}
		}
	}

	// Puts the keys and values of new tokens into the cache.
	store(layer, keys, values) {
		const { keyHeads, headSize } = this.shape;
		const { capacity } = this;
		for (let head = 0; head < keyHeads; head++) {
			const keyRows = this.matrices.view(this.cache[layer].keys[head]);
			const valueColumns = this.matrices.view(this.cache[layer].values[head]);
			for (let t = 0; t * keyHeads * headSize < keys.length; t++) {
				const start = (t * keyHeads + head) * headSize;
				const position = this.length + t;
				keyRows.set(keys.subarray(start, start + headSize), position * headSize);
				for (let i = 0; i < headSize; i++) {
					valueColumns[i * capacity + position] = values[start + i];
				}
			}
		}
	}

	// The heads' outputs z [n, heads, headSize]: for each head, the weighted mean
	// of the values that it looks at.
	mix(layer, queries, blocked) {
		const z = new Float32Array(queries.length);
		for (let keyHead = 0; keyHead < this.shape.keyHeads; keyHead++) {
			const looks = this.attend(layer, keyHead, queries, this.length, blocked);
			const { shares, columns, n } = looks;
			const values = { ...this.cache[layer].values[keyHead], columns };
			const mixed = this.matrices.multiply(values, shares, n * this.groupSize);
			this.forGroups(keyHead, n, (inAll, inGroup, size) => {
				z.set(mixed.subarray(inGroup, inGroup + size), inAll);
			});
		}
		return z;
	}

	// How the heads that share a key head attend, softmax(q k / sqrt(headSize)):
	// a row for each token and head, with a column for each key.
	attend(layer, keyHead, queries, start, blocked) {
		const { heads, headSize } = this.shape;
		const n = queries.length / heads / headSize;
		const columns = roundUp(start + n, KEYS);
		const grouped = new Float32Array(n * this.groupSize * headSize);
		this.forGroups(keyHead, n, (inAll, inGroup, size) => {
			grouped.set(queries.subarray(inAll, inAll + size), inGroup);
		});
		const keys = { ...this.cache[layer].keys[keyHead], rows: columns };
		const shares = this.matrices.multiply(keys, grouped, n * this.groupSize);
		for (let row = 0; row < n * this.groupSize; row++) {
			const position = start + Math.floor(row / this.groupSize);
			for (const key of blocked) if (key < position) shares[row * columns + key] = -Infinity;
		}
		const scale = 1 / Math.sqrt(headSize);
		this.matrices.softmax(shares, { columns, group: this.groupSize, start, scale });
		return { shares, columns, n };
	}

	get groupSize() {
		return this.shape.heads / this.shape.keyHeads;
	}

	// Where each token's vectors of one group lie: among those of all heads, and by themselves.
	forGroups(keyHead, n, visit) {
		const size = this.groupSize * this.shape.headSize;
		for (let t = 0; t < n; t++) {
			visit((t * this.shape.keyHeads + keyHead) * size, t * size, size);
		}
	}

	switchOff(layer, z, heads) {
		const { headSize } = this.shape;
		for (let start = 0; start < z.length; start += headSize) {
			const head = (start / headSize) % this.shape.heads;
			if (heads.has(`${layer}.${head}`)) z.fill(0, start, start + headSize);
		}
	}

	// The scores of all tokens for each vector, if the model ended there.
	unembed(x) {
		const matrix = this.tensor("output") ? "output" : "token_embd";
		return finite(this.times(matrix, this.normalize("output_norm", x)));
	}

	// The lens at a position: the logits after the embedding and after each layer, one row each.
	lens(position) {
		const { layers, width } = this.shape;
		const x = new Float32Array((layers + 1) * width);
		this.kept.streams.forEach((parts, layer) =>
			x.set(vectorAt(parts, position, width), layer * width),
		);
		return this.unembed(x);
	}

	// The attention of a layer over all tokens so far, [heads, T, T].
	pattern(layer, { blocked } = UNCHANGED) {
		const { heads, keyHeads } = this.shape;
		const count = this.length;
		const queries = joined(this.kept.queries[layer]);
		const pattern = new Float32Array(heads * count * count);
		for (let keyHead = 0; keyHead < keyHeads; keyHead++) {
			const { shares, columns } = this.attend(layer, keyHead, queries, 0, blocked);
			for (let row = 0; row < count * this.groupSize; row++) {
				const head = keyHead * this.groupSize + (row % this.groupSize);
				const query = Math.floor(row / this.groupSize);
				const seen = shares.subarray(row * columns, row * columns + query + 1);
				pattern.set(seen, (head * count + query) * count);
			}
		}
		return finite(pattern);
	}
}
