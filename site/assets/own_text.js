// Joined from the modules in templates/assets, which have the comments.
(() => {
"use strict";
const modules = (globalThis.layerbookModules ??= {});
const define = (name, run) => {
	try {
		modules[name] = run();
	} catch (error) {
		reportError(error); // the other parts go on
	}
};
define("scripts/catalogue.js", () => {

const MESSAGES = Object.assign((globalThis.layerbookMessages ??= {}), {});
const MARKS = { decimal: ".", group: "," };
return { MESSAGES, MARKS };
});
define("live/patterns.js", () => {

const { mark } = modules["scripts/messages.js"];
const { Patterns } = modules["scripts/patterns.js"];

class LivePatterns extends Patterns {
	share(layer, head, query, key) {
		const count = this.data.tokens.length;
		return this.shares[layer][(head * count + query) * count + key];
	}

	find(measure) {
		let best = { value: 0 };
		for (let layer = 0; layer < this.shares.length; layer++) {
			for (let head = 0; head < this.data.heads; head++) {
				const found = this.measureHead(layer, head, measure);
				if (found.value > best.value) best = { layer, head, ...found };
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

function spread(share, query) {
	let bits = 0;
	for (let key = 0; key <= query; key++)
		if (share(key) > 0) bits -= share(key) * Math.log2(share(key));
	return bits;
}

function repeats(share, query, ids) {
	let sum = 0;
	for (let key = 1; key < query; key++) if (ids[key - 1] === ids[query]) sum += share(key);
	return sum;
}

const PRESETS = [
	[mark("Looks one token back"), (share, query) => share(query - 1)],
	[mark("Looks for what followed last time"), repeats],
	[mark("Looks at itself"), (share, query) => share(query)],
	[mark("The sink: looks at the first token"), (share) => share(0)],
	[mark("Looks all around"), spread],
];
return { LivePatterns, PRESETS };
});
define("live/attention.js", () => {

const { element, on } = modules["scripts/common.js"];
const { AttentionExplorer } = modules["scripts/explorer.js"];
const { t } = modules["scripts/messages.js"];
const { MEAN } = modules["scripts/patterns.js"];
const { LivePatterns, PRESETS } = modules["live/patterns.js"];

const MOST_MAPPED = 80; // tokens whose attention is drawn

class LiveExplorer extends AttentionExplorer {
	showPattern(options) {
		super.showPattern(options);
		this.onPattern?.();
	}
}

class LiveAttention {
	explorer = null;
	found = []; // heads worth a look

	constructor(box, { shape, shades, token, onPattern = () => {} }) {
		Object.assign(this, { shape, shades, token, onPattern });
		this.map = box.querySelector(".try-map");
		this.presets = box.querySelector("[role='group']");
	}

	async show(model, ids) {
		const mapped = ids.length <= MOST_MAPPED;
		const state = this.explorer?.state;
		this.explorer = null;
		this.presets.hidden = !mapped;
		this.found = [];
		if (!mapped) {
			const limit = t("The map is drawn for texts of up to {count} tokens.", {
				count: MOST_MAPPED,
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
			if (!value) continue; // no text has it all
			this.found.push({ layer, head });
			const place = { title: t("layer {layer}, head {head}", { layer, head }) };
			const button = element("button", place, this.presets, t(name));
			on(button, "click", () =>
				this.explorer.update({ layer, head, row: query, column: null, locked: false }),
			);
		}
	}
}
return { LiveAttention };
});
define("live/layers.js", () => {

const { t } = modules["scripts/messages.js"];
const { element, on, percent } = modules["scripts/common.js"];

const SHOWN = 3;

class Layers {
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
return { Layers };
});
define("live/model.js", () => {

const SETTINGS = {
	layers: "block_count",
	width: "embedding_length",
	hidden: "feed_forward_length",
	heads: "attention.head_count",
	context: "context_length",
	epsilon: "attention.layer_norm_rms_epsilon",
};

const UNCHANGED = { heads: new Set(), mlps: new Set(), blocked: new Set() };

function readShape({ settings, tensors }) {
	const shape = {};
	for (const [name, key] of Object.entries(SETTINGS)) shape[name] = settings[`llama.${key}`];
	shape.keyHeads = settings["llama.attention.head_count_kv"] ?? shape.heads;
	shape.headSize = settings["llama.attention.key_length"] ?? shape.width / shape.heads;
	shape.ropeBase = settings["llama.rope.freq_base"] ?? 10000;
	shape.vocabulary = tensors["token_embd.weight"]?.rows;
	return shape;
}

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

function gateBySilu(gate, up) {
	for (let i = 0; i < up.length; i++) {
		up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
	}
}

function softmax(scores, position, blocked) {
	for (const key of blocked) if (key < position) scores[key] = -Infinity;
	let most = -Infinity;
	for (let key = 0; key <= position; key++) {
		most = Math.max(most, scores[key]);
	}
	let sum = 0;
	for (let key = 0; key <= position; key++) {
		scores[key] = Math.exp(scores[key] - most);
		sum += scores[key];
	}
	for (let key = 0; key <= position; key++) scores[key] /= sum;
	scores.fill(0, position + 1);
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

function vectorAt(parts, position, width) {
	let start = position * width;
	for (const part of parts) {
		if (start < part.length) return part.subarray(start, start + width);
		start -= part.length;
	}
	throw new Error(`no token has run at position ${position}`);
}

class Model {
	constructor(header, matrices, capacity) {
		this.tensors = header.tensors;
		this.matrices = matrices;
		this.shape = readShape(header);
		this.capacity = roundUp(capacity, 4);
		const { layers, keyHeads, headSize, ropeBase } = this.shape;
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

	reset() {
		this.length = 0;
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

	forward(ids, changes = UNCHANGED) {
		const { layers, width } = this.shape;
		const x = this.embed(ids);
		for (let layer = 0; layer < layers; layer++) {
			this.kept.streams[layer].push(x.slice());
			add(x, this.attention(layer, x, changes));
			if (!changes.mlps.has(layer)) add(x, this.mlp(layer, x));
		}
		this.kept.streams[layers].push(x);
		this.length += ids.length;
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
		gateBySilu(this.times(`${block}gate`, input), hidden);
		return this.times(`${block}down`, hidden);
	}

	rotate(vectors, heads) {
		const { headSize } = this.shape;
		for (let start = 0; start < vectors.length; start += headSize) {
			const position = this.length + Math.floor(start / headSize / heads);
			for (let i = 0; i < headSize / 2; i++) {
				const angle = Math.fround(position * this.frequencies[i]);
				const a = vectors[start + 2 * i];
				const b = vectors[start + 2 * i + 1];
				vectors[start + 2 * i] = a * Math.cos(angle) - b * Math.sin(angle);
				vectors[start + 2 * i + 1] = a * Math.sin(angle) + b * Math.cos(angle);
			}
		}
	}

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

	attend(layer, keyHead, queries, start, blocked) {
		const { heads, headSize } = this.shape;
		const n = queries.length / heads / headSize;
		const columns = roundUp(start + n, 4);
		const grouped = new Float32Array(n * this.groupSize * headSize);
		this.forGroups(keyHead, n, (inAll, inGroup, size) => {
			grouped.set(queries.subarray(inAll, inAll + size), inGroup);
		});
		const keys = { ...this.cache[layer].keys[keyHead], rows: columns };
		const shares = this.matrices.multiply(keys, grouped, n * this.groupSize);
		for (let i = 0; i < shares.length; i++) shares[i] /= Math.sqrt(headSize);
		for (let row = 0; row < n * this.groupSize; row++) {
			const position = start + Math.floor(row / this.groupSize);
			softmax(shares.subarray(row * columns, (row + 1) * columns), position, blocked);
		}
		return { shares, columns, n };
	}

	get groupSize() {
		return this.shape.heads / this.shape.keyHeads;
	}

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

	unembed(x) {
		const matrix = this.tensor("output") ? "output" : "token_embd";
		return this.times(matrix, this.normalize("output_norm", x));
	}

	lens(position) {
		const { layers, width } = this.shape;
		const x = new Float32Array((layers + 1) * width);
		this.kept.streams.forEach((parts, layer) =>
			x.set(vectorAt(parts, position, width), layer * width),
		);
		return this.unembed(x);
	}

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
		return pattern;
	}
}
return { UNCHANGED, readShape, Model };
});
define("live/checks.js", () => {

const { readShape } = modules["live/model.js"];

const UNDERSTOOD = new Set([
	"llama.block_count",
	"llama.context_length",
	"llama.embedding_length",
	"llama.feed_forward_length",
	"llama.vocab_size",
	"llama.attention.head_count",
	"llama.attention.head_count_kv",
	"llama.attention.layer_norm_rms_epsilon",
	"llama.attention.key_length",
	"llama.attention.value_length",
	"llama.rope.freq_base",
	"llama.rope.dimension_count",
]);
const PLAIN_VALUES = {
	"split.count": 1,
	"llama.expert_count": 0,
	"llama.expert_used_count": 0,
	"llama.rope.scaling.type": "none",
};

function layoutOf({ layers, width, hidden, heads, keyHeads, headSize, vocabulary }) {
	const layout = { token_embd: [vocabulary, width], output_norm: [1, width] };
	for (let layer = 0; layer < layers; layer++) {
		const parts = {
			attn_norm: [1, width],
			attn_q: [heads * headSize, width],
			attn_k: [keyHeads * headSize, width],
			attn_v: [keyHeads * headSize, width],
			attn_output: [width, heads * headSize],
			ffn_norm: [1, width],
			ffn_gate: [hidden, width],
			ffn_up: [hidden, width],
			ffn_down: [width, hidden],
		};
		for (const [name, size] of Object.entries(parts)) layout[`blk.${layer}.${name}`] = size;
	}
	return layout;
}

function checkSettings(settings) {
	const architecture = settings["general.architecture"];
	if (architecture !== "llama") {
		throw new Error(`the architecture is ${architecture}; this page runs only llama`);
	}
	for (const [key, value] of Object.entries(settings)) {
		if (key in PLAIN_VALUES) {
			if (value !== PLAIN_VALUES[key])
				throw new Error(`${key} is ${value}; this page cannot run that`);
		} else if (/^(llama|split)\./.test(key) && !UNDERSTOOD.has(key)) {
			throw new Error(`the setting ${key} is not understood, and may change the numbers`);
		}
	}
}

function checkShape(settings, shape) {
	for (const [name, value] of Object.entries(shape)) {
		const wrong =
			name === "epsilon" || name === "ropeBase" ? !(value > 0) : !Number.isInteger(value);
		if (wrong || value <= 0)
			throw new Error(`the header has no valid number for ${name}: ${value}`);
	}
	const { heads, keyHeads, headSize } = shape;
	if (heads % keyHeads) throw new Error(`${heads} heads cannot share ${keyHeads} key heads`);
	if (headSize % 4)
		throw new Error(`a head has ${headSize} numbers; this page needs a multiple of 4`);
	for (const key of ["llama.attention.value_length", "llama.rope.dimension_count"]) {
		const size = settings[key] ?? headSize;
		if (size !== headSize) throw new Error(`${key} is ${size}, but a head has ${headSize} numbers`);
	}
}

function checkTensor({ name, type, rows, columns }, [expectedRows, expectedColumns]) {
	if (rows !== expectedRows || columns !== expectedColumns) {
		throw new Error(`${name} is ${rows} x ${columns}, not ${expectedRows} x ${expectedColumns}`);
	}
	const unit = type === "F32" ? 4 : 32;
	if (columns % unit) throw new Error(`${name} has ${columns} columns, not a multiple of ${unit}`);
}

function checkModel(header) {
	const { settings, tensors } = header;
	checkSettings(settings);
	const shape = readShape(header);
	checkShape(settings, shape);
	const layout = layoutOf(shape);
	if (tensors["output.weight"]) layout.output = [shape.vocabulary, shape.width];
	for (const [name, size] of Object.entries(layout)) {
		const tensor = tensors[`${name}.weight`];
		if (!tensor) throw new Error(`the tensor ${name}.weight is missing`);
		checkTensor(tensor, size);
	}
	for (const name of Object.keys(tensors)) {
		if (!(name.replace(/\.weight$/, "") in layout) || !name.endsWith(".weight")) {
			throw new Error(`the tensor ${name} is not part of a plain Llama`);
		}
	}
}
return { checkModel };
});
define("live/gguf.js", () => {

const MAGIC = 0x46554747; // "GGUF"
const TENSOR_TYPES = {
	0: { name: "F32", weights: 1, bytes: 4 },
	1: { name: "F16", weights: 1, bytes: 2 },
	2: { name: "Q4_0", weights: 32, bytes: 18 },
	3: { name: "Q4_1", weights: 32, bytes: 20 },
	8: { name: "Q8_0", weights: 32, bytes: 34 },
};
const OTHER_TYPES = new Map([
	[6, "Q5_0"],
	[7, "Q5_1"],
	[10, "Q2_K"],
	[11, "Q3_K"],
	[12, "Q4_K"],
	[13, "Q5_K"],
	[14, "Q6_K"],
	[30, "BF16"],
]);

class Reader {
	utf8 = new TextDecoder();

	constructor(bytes) {
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.position = 0;
	}

	number(method, size) {
		this.position += size;
		return this.view[method](this.position - size, true);
	}

	uint32() {
		return this.number("getUint32", 4);
	}

	uint64() {
		return Number(this.number("getBigUint64", 8));
	}

	text() {
		const length = this.uint64();
		this.position += length;
		return this.utf8.decode(this.bytes.subarray(this.position - length, this.position));
	}

	array() {
		const type = this.uint32();
		return Array.from({ length: this.uint64() }, () => this.value(type));
	}

	value(type) {
		const readers = [
			() => this.number("getUint8", 1),
			() => this.number("getInt8", 1),
			() => this.number("getUint16", 2),
			() => this.number("getInt16", 2),
			() => this.uint32(),
			() => this.number("getInt32", 4),
			() => this.number("getFloat32", 4),
			() => Boolean(this.number("getUint8", 1)),
			() => this.text(),
			() => this.array(),
			() => this.uint64(),
			() => Number(this.number("getBigInt64", 8)),
			() => this.number("getFloat64", 8),
		];
		if (!readers[type]) throw new Error(`the header has a value of unknown type ${type}`);
		return readers[type]();
	}
}

function readTensor(reader) {
	const name = reader.text();
	const sizes = Array.from({ length: reader.uint32() }, () => reader.uint64());
	const code = reader.uint32();
	const type = TENSOR_TYPES[code];
	if (!type) {
		const other = OTHER_TYPES.get(code) ?? `of type ${code}`;
		const types = Object.values(TENSOR_TYPES).map((each) => each.name);
		throw new Error(`${name} is ${other}; this page reads ${types.join(", ")}`);
	}
	const [columns, rows = 1] = sizes;
	if (sizes.length > 2) throw new Error(`${name} has ${sizes.length} dimensions`);
	const stride = (columns / type.weights) * type.bytes; // bytes of a row
	return { name, type: type.name, rows, columns, stride, offset: reader.uint64() };
}

function readHeader(bytes) {
	const reader = new Reader(bytes);
	if (bytes.length < 24 || reader.uint32() !== MAGIC) throw new Error("this is not a GGUF file");
	const version = reader.uint32();
	if (version < 2 || version > 3) throw new Error(`this is version ${version} of GGUF, not 2 or 3`);
	const tensorCount = reader.uint64();
	const settingCount = reader.uint64();
	const settings = {};
	for (let i = 0; i < settingCount; i++) {
		const key = reader.text();
		settings[key] = reader.value(reader.uint32());
	}
	const list = Array.from({ length: tensorCount }, () => readTensor(reader));
	const alignment = settings["general.alignment"] ?? 32;
	const start = Math.ceil(reader.position / alignment) * alignment;
	const tensors = {};
	for (const tensor of list) {
		tensor.offset += start;
		if (tensor.offset + tensor.rows * tensor.stride > bytes.length) {
			throw new Error(`the file ends within ${tensor.name}; it is incomplete`);
		}
		tensors[tensor.name] = tensor;
	}
	return { settings, tensors };
}
return { readHeader };
});
define("live/wasm.js", () => {

const WASM = [
	"AGFzbQEAAAABGQRgAABgAAF/YAh/f39/f39/fwBgA39/fwACDwEDZW52Bm1lbW9yeQIAAgMNDAABAgMCAwIDAgMC",
	"AwYrB38BQYCIBAt/AEGAiAQLfwBBgAgLfwBBgAgLfwBBgAgLfwBBAAt/AEEBCwejAhIRX193YXNtX2NhbGxfY3Rv",
	"cnMAAAxtZW1vcnlfc3RhcnQAAQtfX2hlYXBfYmFzZQMBDG11bHRpcGx5X0YzMgACDnVucGFja19yb3dfRjMyAAMM",
	"bXVsdGlwbHlfRjE2AAQOdW5wYWNrX3Jvd19GMTYABQ1tdWx0aXBseV9RNF8wAAYPdW5wYWNrX3Jvd19RNF8wAAcN",
	"bXVsdGlwbHlfUTRfMQAID3VucGFja19yb3dfUTRfMQAJDW11bHRpcGx5X1E4XzAACg91bnBhY2tfcm93X1E4XzAA",
	"CwxfX2Rzb19oYW5kbGUDAgpfX2RhdGFfZW5kAwMNX19nbG9iYWxfYmFzZQMEDV9fbWVtb3J5X2Jhc2UDBQxfX3Rh",
	"YmxlX2Jhc2UDBgqvcAwCAAsIAEGAiISAAAvdDAQVfwd7AX8He0EAIQgCQCAEQQFxDQAgBiAGQQRvayEICwJAIARB",
	"AUgNACAFQQJ0IQkgBUEDdCEKIAVBBHQhCyAFQQxsIQwgA0F8aiENIAIgCCAFbEECdGohDkEAIQ8gBUEgSCEQIARB",
	"AWpBAnQhESAEQQF0IhJBAXJBAnQhEyAEQQNsIhRBAWpBAnQhFUEAIRYDQAJAIAhFDQAgBSAPQQFxbCEXQQAhGCAA",
	"IRkCQCAQDQAgByAXQQJ0aiEaQQAhG0EAIRwDQCAAIBtqIhj9AAAAIR0gGEEQav0AAAAhHiAYQSBq/QAAACEfIBhB",
	"MGr9AAAAISAgGEHAAGr9AAAAISEgGEHQAGr9AAAAISIgGEHgAGr9AAAAISMgGiAbaiIZQfAAaiAYQfAAav0AAAD9",
	"CwAAIBlB4ABqICP9CwAAIBlB0ABqICL9CwAAIBlBwABqICH9CwAAIBlBMGogIP0LAAAgGUEgaiAf/QsAACAZQRBq",
	"IB79CwAAIBkgHf0LAAAgG0GAAWohGyAcQcAAaiEZIBxBIGoiGCEcIBkgBUwNAAsgACAbaiEZCyAYIAVODQAgByAY",
	"IBdqQQJ0aiEbA0AgGyAZ/QAAAP0LAAAgG0EQaiEbIBlBEGohGSAYQQRqIhggBUgNAAsLAkAgCEEBSA0AIBZBAXFF",
	"DQAgDSAWQQJ0aiEkQQAhGiACIRcDQCAkIBogBGxBAnRqIRwCQAJAIAVBAU4NAP0MAAAAAAAAAAAAAAAAAAAAACIf",
	"ISAgHyEhIB8hIiAfISMgHyElIB8hJiAfIScMAQtBACEbIAchGSAXIRj9DAAAAAAAAAAAAAAAAAAAAAAiHyEgIB8h",
	"ISAfISIgHyEjIB8hJSAfISYgHyEnA0AgIyAZIAlq/QAAACIdIBggDGr9AAAAIij95gH95AEhIyAlIB0gGCAKav0A",
	"AAAiKf3mAf3kASElICYgHSAYIAlq/QAAACIq/eYB/eQBISYgIiAZ/QAAACIeIBj9AAAAIiv95gH95AEhIiAfIB4g",
	"KP3mAf3kASEfICAgHiAp/eYB/eQBISAgISAeICr95gH95AEhISAnIB0gK/3mAf3kASEnIBlBEGohGSAYQRBqIRgg",
	"G0EEaiIbIAVIDQALCyAcICf9HwAgJ/0fAZIgJ/0fAiAn/R8DkpI4AgQgHCAi/R8AICL9HwGSICL9HwIgIv0fA5KS",
	"OAIAIBwgBEECdGogIf0fACAh/R8BkiAh/R8CICH9HwOSkjgCACAcIBFqICb9HwAgJv0fAZIgJv0fAiAm/R8DkpI4",
	"AgAgHCATaiAl/R8AICX9HwGSICX9HwIgJf0fA5KSOAIAIBwgEkECdGogIP0fACAg/R8BkiAg/R8CICD9HwOSkjgC",
	"ACAcIBRBAnRqIB/9HwAgH/0fAZIgH/0fAiAf/R8DkpI4AgAgHCAVaiAj/R8AICP9HwGSICP9HwIgI/0fA5KSOAIA",
	"IBcgC2ohFyAaQQRqIhogCEgNAAsLIA4hGiAIIRcCQCAIIAZODQADQAJAAkAgEEUNAEEAIRggACEZ/QwAAAAAAAAA",
	"AAAAAAAAAAAAIh0hHgwBC0EAIRtBACEc/QwAAAAAAAAAAAAAAAAAAAAAIh4hHQNAIB0gACAbaiIY/QAAACAaIBtq",
	"Ihn9AAAA/eYB/eQBIBhBIGr9AAAAIBlBIGr9AAAA/eYB/eQBIBhBwABq/QAAACAZQcAAav0AAAD95gH95AEgGEHg",
	"AGr9AAAAIBlB4ABq/QAAAP3mAf3kASEdIB4gGEEQav0AAAAgGUEQav0AAAD95gH95AEgGEEwav0AAAAgGUEwav0A",
	"AAD95gH95AEgGEHQAGr9AAAAIBlB0ABq/QAAAP3mAf3kASAYQfAAav0AAAAgGUHwAGr9AAAA/eYB/eQBIR4gG0GA",
	"AWohGyAcQcAAaiEZIBxBIGoiGCEcIBkgBUwNAAsgACAbaiEZCwJAIBggBU4NACAaIBhBAnRqIRsDQCAdIBn9AAAA",
	"IBv9AAAA/eYB/eQBIR0gG0EQaiEbIBlBEGohGSAYQQRqIhggBUgNAAsLIAMgFyAEbCAWakECdGogHiAd/eQBIh39",
	"HwAgHf0fAZIgHf0fAiAd/R8DkpI4AgAgGiAJaiEaIBdBAWoiFyAGRw0ACwsgD0EBaiEPIAAgAWohACAWQQFqIhYg",
	"BEcNAAsLC70CAwN/B3sBf0EAIQMCQCACQSBIDQBBACEEQQAhBQNAIAAgBGoiA/0AAAAhBiADQRBq/QAAACEHIANB",
	"IGr9AAAAIQggA0Ewav0AAAAhCSADQcAAav0AAAAhCiADQdAAav0AAAAhCyADQeAAav0AAAAhDCABIARqIg1B8ABq",
	"IANB8ABq/QAAAP0LAAAgDUHgAGogDP0LAAAgDUHQAGogC/0LAAAgDUHAAGogCv0LAAAgDUEwaiAJ/QsAACANQSBq",
	"IAj9CwAAIA1BEGogB/0LAAAgDSAG/QsAACAEQYABaiEEIAVBwABqIQ0gBUEgaiIDIQUgDSACTA0ACyAAIARqIQAL",
	"AkAgAyACTg0AIAEgA0ECdGohDQNAIA0gAP0AAAD9CwAAIA1BEGohDSAAQRBqIQAgA0EEaiIDIAJIDQALCwvwFgQV",
	"fwt7An8De0EAIQgCQCAEQQFxDQAgBiAGQQRvayEICwJAIARBAUgNACAFQQJ0IQkgBUEDdCEKIAVBBHQhCyAFQQxs",
	"IQwgB0HwAGohDSADQXxqIQ4gAiAIIAVsQQJ0aiEPQQAhECAFQSBIIREgBEEBakECdCESIARBAXQiE0EBckECdCEU",
	"IARBA2wiFUEBakECdCEWQQAhFwNAAkAgCEUNACAFIBBBAXFsIRhBACEZIAAhGgJAIBENACANIBhBAnRqIRtBACEc",
	"IAAhGgNAIBpBCGr9XQAAIR0gGkEQav1dAAAhHiAaQRhq/V0AACEfIBpBIGr9XQAAISAgGkEoav1dAAAhISAaQTBq",
	"/V0AACEiIBpBOGr9XQAAISMgG0GQf2ogGv1dAAAiJCAl/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sAf0MAAAA",
	"gAAAAIAAAACAAAAAgCIl/U79DAAAAAAAAAAAAAAAAAAAAAAiJiAk/Qz/f/9//3//fwAAAAAAAAAAIif9Tv0NEBEC",
	"AxITBgcUFQoLFhcOD0EN/asB/QwAAIB3AACAdwAAgHcAAIB3IiT95gH9UP0LAAAgGyAjICX9DQABAAACAwAABAUA",
	"AAYHAABBEP2rAUEQ/awBICX9TiAmICMgJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q/QsAACAbQXBq",
	"ICIgJf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgIiAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2r",
	"ASAk/eYB/VD9CwAAIBtBYGogISAl/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sASAl/U4gJiAhICf9Tv0NEBEC",
	"AxITBgcUFQoLFhcOD0EN/asBICT95gH9UP0LAAAgG0FQaiAgICX9DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awB",
	"ICX9TiAmICAgJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q/QsAACAbQUBqIB8gJf0NAAEAAAIDAAAE",
	"BQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHyAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB/VD9CwAAIBtB",
	"sH9qIB4gJf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHiAn/U79DRARAgMSEwYHFBUKCxYXDg9B",
	"Df2rASAk/eYB/VD9CwAAIBtBoH9qIB0gJf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHSAn/U79",
	"DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB/VD9CwAAIBpBwABqIRogG0GAAWohGyAcQcAAaiEoIBxBIGoiGSEc",
	"ICggBUwNAAsLIBkgBU4NACAHIBkgGGpBAnRqIRsDQCAbIBr9AAAA/QsAACAbQRBqIRsgGkEQaiEaIBlBBGoiGSAF",
	"SA0ACwsCQCAIQQFIDQAgF0EBcUUNACAOIBdBAnRqISlBACEoIAIhGANAICkgKCAEbEECdGohHAJAAkAgBUEBTg0A",
	"/QwAAAAAAAAAAAAAAAAAAAAAIichJCAnIR0gJyEeICchHyAnISAgJyEhICchIgwBC0EAIRkgByEbIBghGv0MAAAA",
	"AAAAAAAAAAAAAAAAACInISQgJyEdICchHiAnIR8gJyEgICchISAnISIDQCAfIBsgCWr9AAAAIiUgGiAMav0AAAAi",
	"I/3mAf3kASEfICAgJSAaIApq/QAAACIq/eYB/eQBISAgISAlIBogCWr9AAAAIiv95gH95AEhISAeIBv9AAAAIiYg",
	"Gv0AAAAiLP3mAf3kASEeICcgJiAj/eYB/eQBIScgJCAmICr95gH95AEhJCAdICYgK/3mAf3kASEdICIgJSAs/eYB",
	"/eQBISIgG0EQaiEbIBpBEGohGiAZQQRqIhkgBUgNAAsLIBwgIv0fACAi/R8BkiAi/R8CICL9HwOSkjgCBCAcIB79",
	"HwAgHv0fAZIgHv0fAiAe/R8DkpI4AgAgHCAEQQJ0aiAd/R8AIB39HwGSIB39HwIgHf0fA5KSOAIAIBwgEmogIf0f",
	"ACAh/R8BkiAh/R8CICH9HwOSkjgCACAcIBRqICD9HwAgIP0fAZIgIP0fAiAg/R8DkpI4AgAgHCATQQJ0aiAk/R8A",
	"ICT9HwGSICT9HwIgJP0fA5KSOAIAIBwgFUECdGogJ/0fACAn/R8BkiAn/R8CICf9HwOSkjgCACAcIBZqIB/9HwAg",
	"H/0fAZIgH/0fAiAf/R8DkpI4AgAgGCALaiEYIChBBGoiKCAISA0ACwsgDyEpIAghGAJAIAggBk4NAANAAkACQCAR",
	"RQ0AQQAhGSAAIRr9DAAAAAAAAAAAAAAAAAAAAAAiHSEeDAELQQAhHCApIRv9DAAAAAAAAAAAAAAAAAAAAAAiHiEd",
	"IAAhGgNAIB0gG/0AAAAgGv1dAAAiJCAl/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sAf0MAAAAgAAAAIAAAACA",
	"AAAAgCIl/U79DAAAAAAAAAAAAAAAAAAAAAAiJiAk/Qz/f/9//3//fwAAAAAAAAAAIif9Tv0NEBECAxITBgcUFQoL",
	"FhcOD0EN/asB/QwAAIB3AACAdwAAgHcAAIB3IiT95gH9UP3mAf3kASAbQSBq/QAAACAaQRBq/V0AACIdICX9DQAB",
	"AAACAwAABAUAAAYHAABBEP2rAUEQ/awBICX9TiAmIB0gJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q",
	"/eYB/eQBIBtBwABq/QAAACAaQSBq/V0AACIdICX9DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awBICX9TiAmIB0g",
	"J/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q/eYB/eQBIBtB4ABq/QAAACAaQTBq/V0AACIdICX9DQAB",
	"AAACAwAABAUAAAYHAABBEP2rAUEQ/awBICX9TiAmIB0gJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q",
	"/eYB/eQBIR0gHiAbQRBq/QAAACAaQQhq/V0AACIfICX9DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awBICX9TiAm",
	"IB8gJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q/eYB/eQBIBtBMGr9AAAAIBpBGGr9XQAAIh4gJf0N",
	"AAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHiAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB",
	"/VD95gH95AEgG0HQAGr9AAAAIBpBKGr9XQAAIh4gJf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYg",
	"HiAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB/VD95gH95AEgG0HwAGr9AAAAIBpBOGr9XQAAIh4gJf0N",
	"AAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHiAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB",
	"/VD95gH95AEhHiAaQcAAaiEaIBtBgAFqIRsgHEHAAGohKCAcQSBqIhkhHCAoIAVMDQALCwJAIBkgBU4NACApIBlB",
	"AnRqIRsDQCAdIBr9AAAAIBv9AAAA/eYB/eQBIR0gG0EQaiEbIBpBEGohGiAZQQRqIhkgBUgNAAsLIAMgGCAEbCAX",
	"akECdGogHiAd/eQBIiX9HwAgJf0fAZIgJf0fAiAl/R8DkpI4AgAgKSAJaiEpIBhBAWoiGCAGRw0ACwsgEEEBaiEQ",
	"IAAgAWohACAXQQFqIhcgBEcNAAsLC70HAwN/C3sBf0EAIQMCQCACQSBIDQAgAUHwAGohBEEAIQUDQCAAQQhq/V0A",
	"ACEGIABBEGr9XQAAIQcgAEEYav1dAAAhCCAAQSBq/V0AACEJIABBKGr9XQAAIQogAEEwav1dAAAhCyAAQThq/V0A",
	"ACEMIARBkH9qIAD9XQAAIg0gDv0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAH9DAAAAIAAAACAAAAAgAAAAIAi",
	"Dv1O/QwAAAAAAAAAAAAAAAAAAAAAIg8gDf0M/3//f/9//38AAAAAAAAAACIQ/U79DRARAgMSEwYHFBUKCxYXDg9B",
	"Df2rAf0MAACAdwAAgHcAAIB3AACAdyIN/eYB/VD9CwAAIAQgDCAO/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2s",
	"ASAO/U4gDyAMIBD9Tv0NEBECAxITBgcUFQoLFhcOD0EN/asBIA395gH9UP0LAAAgBEFwaiALIA79DQABAAACAwAA",
	"BAUAAAYHAABBEP2rAUEQ/awBIA79TiAPIAsgEP1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgDf3mAf1Q/QsAACAE",
	"QWBqIAogDv0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgDv1OIA8gCiAQ/U79DRARAgMSEwYHFBUKCxYXDg9B",
	"Df2rASAN/eYB/VD9CwAAIARBUGogCSAO/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sASAO/U4gDyAJIBD9Tv0N",
	"EBECAxITBgcUFQoLFhcOD0EN/asBIA395gH9UP0LAAAgBEFAaiAIIA79DQABAAACAwAABAUAAAYHAABBEP2rAUEQ",
	"/awBIA79TiAPIAggEP1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgDf3mAf1Q/QsAACAEQbB/aiAHIA79DQABAAAC",
	"AwAABAUAAAYHAABBEP2rAUEQ/awBIA79TiAPIAcgEP1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgDf3mAf1Q/QsA",
	"ACAEQaB/aiAGIA79DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awBIA79TiAPIAYgEP1O/Q0QEQIDEhMGBxQVCgsW",
	"Fw4PQQ39qwEgDf3mAf1Q/QsAACAAQcAAaiEAIARBgAFqIQQgBUHAAGohESAFQSBqIgMhBSARIAJMDQALCwJAIAMg",
	"Ak4NACABIANBAnRqIQQDQCAEIAD9AAAA/QsAACAEQRBqIQQgAEEQaiEAIANBBGoiAyACSA0ACwsL1REFFH8BfQZ7",
	"An8Ie0EAIQgCQCAEQQFxDQAgBiAGQQRvayEICwJAIARBAUgNACAFQQJ0IQkgBUEDdCEKIAVBBHQhCyAFQQxsIQwg",
	"A0F8aiENIAIgCCAFbEECdGohDkEAIQ8gBUEgSCEQIARBAWpBAnQhESAEQQF0IhJBAXJBAnQhEyAEQQNsIhRBAWpB",
	"AnQhFUEAIRYDQAJAIAhFDQAgBSAPQQFxbCEXQQAhGCAAIRkCQCAQDQAgByAXQQJ0aiEaQQAhGyAAIRkDQCAaQfAA",
	"aiAZQQFqLAAAIhhBgICAgHhxIBhBFXRBgICA/wBxIBktAABBDXRyvkMAAIB3lLxyviIcQwAAAMGU/RMiHSAcQwAA",
	"gDOU/RMiHv0MAAAAAAAAAAAAAAAAAAAAACIfIBlBAmr9AAAAIiBBBP2NAf0MDw8PDw8PDw8PDw8PDw8PDyIh/U4i",
	"Iv0NAAAAHAAAAB0AAAAeAAAAH/36Af3mAf3kAf0LAAAgGkHgAGogHSAeIB8gIv0NAAAAGAAAABkAAAAaAAAAG/36",
	"Af3mAf3kAf0LAAAgGkHQAGogHSAeIB8gIv0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf0LAAAgGkHAAGogHSAe",
	"IB8gIv0NAAAAEAAAABEAAAASAAAAE/36Af3mAf3kAf0LAAAgGkEwaiAdIB4gHyAgICH9TiIi/Q0AAAAcAAAAHQAA",
	"AB4AAAAf/foB/eYB/eQB/QsAACAaQSBqIB0gHiAfICL9DQAAABgAAAAZAAAAGgAAABv9+gH95gH95AH9CwAAIBpB",
	"EGogHSAeIB8gIv0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf0LAAAgGiAdIB4gHyAi/Q0AAAAQAAAAEQAAABIA",
	"AAAT/foB/eYB/eQB/QsAACAZQRJqIRkgGkGAAWohGiAbQcAAaiEjIBtBIGoiGCEbICMgBUwNAAsLIBggBU4NACAH",
	"IBggF2pBAnRqIRoDQCAaIBn9AAAA/QsAACAaQRBqIRogGUEQaiEZIBhBBGoiGCAFSA0ACwsCQCAIQQFIDQAgFkEB",
	"cUUNACANIBZBAnRqISRBACEjIAIhFwNAICQgIyAEbEECdGohGwJAAkAgBUEBTg0A/QwAAAAAAAAAAAAAAAAAAAAA",
	"Ih8hIiAfISAgHyEhIB8hJSAfISYgHyEnIB8hKAwBC0EAIRggByEZIBchGv0MAAAAAAAAAAAAAAAAAAAAACIfISIg",
	"HyEgIB8hISAfISUgHyEmIB8hJyAfISgDQCAlIBkgCWr9AAAAIh0gGiAMav0AAAAiKf3mAf3kASElICYgHSAaIApq",
	"/QAAACIq/eYB/eQBISYgJyAdIBogCWr9AAAAIiv95gH95AEhJyAhIBn9AAAAIh4gGv0AAAAiLP3mAf3kASEhIB8g",
	"HiAp/eYB/eQBIR8gIiAeICr95gH95AEhIiAgIB4gK/3mAf3kASEgICggHSAs/eYB/eQBISggGUEQaiEZIBpBEGoh",
	"GiAYQQRqIhggBUgNAAsLIBsgKP0fACAo/R8BkiAo/R8CICj9HwOSkjgCBCAbICH9HwAgIf0fAZIgIf0fAiAh/R8D",
	"kpI4AgAgGyAEQQJ0aiAg/R8AICD9HwGSICD9HwIgIP0fA5KSOAIAIBsgEWogJ/0fACAn/R8BkiAn/R8CICf9HwOS",
	"kjgCACAbIBNqICb9HwAgJv0fAZIgJv0fAiAm/R8DkpI4AgAgGyASQQJ0aiAi/R8AICL9HwGSICL9HwIgIv0fA5KS",
	"OAIAIBsgFEECdGogH/0fACAf/R8BkiAf/R8CIB/9HwOSkjgCACAbIBVqICX9HwAgJf0fAZIgJf0fAiAl/R8DkpI4",
	"AgAgFyALaiEXICNBBGoiIyAISA0ACwsgDiEkIAghFwJAIAggBk4NAANAAkACQCAQRQ0AQQAhGCAAIRn9DAAAAAAA",
	"AAAAAAAAAAAAAAAiIiElDAELQQAhGyAkIRr9DAAAAAAAAAAAAAAAAAAAAAAiJSEiIAAhGQNAIBpB8ABq/QAAACAZ",
	"QQFqLAAAIhhBgICAgHhxIBhBFXRBgICA/wBxIBktAABBDXRyvkMAAIB3lLxyviIcQwAAAMGU/RMiHSAcQwAAgDOU",
	"/RMiHv0MAAAAAAAAAAAAAAAAAAAAACIfIBlBAmr9AAAAIiFBBP2NAf0MDw8PDw8PDw8PDw8PDw8PDyIm/U4iIP0N",
	"AAAAHAAAAB0AAAAeAAAAH/36Af3mAf3kAf3mASAaQdAAav0AAAAgHSAeIB8gIP0NAAAAFAAAABUAAAAWAAAAF/36",
	"Af3mAf3kAf3mASAaQTBq/QAAACAdIB4gHyAhICb9TiIh/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/eQB/eYBICUg",
	"GkEQav0AAAAgHSAeIB8gIf0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf3mAf3kAf3kAf3kAf3kASElIBpB4ABq",
	"/QAAACAdIB4gHyAg/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/eQB/eYBIBpBwABq/QAAACAdIB4gHyAg/Q0AAAAQ",
	"AAAAEQAAABIAAAAT/foB/eYB/eQB/eYBIBpBIGr9AAAAIB0gHiAfICH9DQAAABgAAAAZAAAAGgAAABv9+gH95gH9",
	"5AH95gEgIiAa/QAAACAdIB4gHyAh/Q0AAAAQAAAAEQAAABIAAAAT/foB/eYB/eQB/eYB/eQB/eQB/eQB/eQBISIg",
	"GUESaiEZIBpBgAFqIRogG0HAAGohIyAbQSBqIhghGyAjIAVMDQALCwJAIBggBU4NACAkIBhBAnRqIRoDQCAiIBn9",
	"AAAAIBr9AAAA/eYB/eQBISIgGkEQaiEaIBlBEGohGSAYQQRqIhggBUgNAAsLIAMgFyAEbCAWakECdGogJSAi/eQB",
	"Ih39HwAgHf0fAZIgHf0fAiAd/R8DkpI4AgAgJCAJaiEkIBdBAWoiFyAGRw0ACwsgD0EBaiEPIAAgAWohACAWQQFq",
	"IhYgBEcNAAsLC+oEBAN/AX0GewF/QQAhAwJAIAJBIEgNAEEAIQQgASEFA0AgBUHwAGogAEEBaiwAACIDQYCAgIB4",
	"cSADQRV0QYCAgP8AcSAALQAAQQ10cr5DAACAd5S8cr4iBkMAAADBlP0TIgcgBkMAAIAzlP0TIgj9DAAAAAAAAAAA",
	"AAAAAAAAAAAiCSAAQQJq/QAAACIKQQT9jQH9DA8PDw8PDw8PDw8PDw8PDw8iC/1OIgz9DQAAABwAAAAdAAAAHgAA",
	"AB/9+gH95gH95AH9CwAAIAVB4ABqIAcgCCAJIAz9DQAAABgAAAAZAAAAGgAAABv9+gH95gH95AH9CwAAIAVB0ABq",
	"IAcgCCAJIAz9DQAAABQAAAAVAAAAFgAAABf9+gH95gH95AH9CwAAIAVBwABqIAcgCCAJIAz9DQAAABAAAAARAAAA",
	"EgAAABP9+gH95gH95AH9CwAAIAVBMGogByAIIAkgCiAL/U4iDP0NAAAAHAAAAB0AAAAeAAAAH/36Af3mAf3kAf0L",
	"AAAgBUEgaiAHIAggCSAM/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/eQB/QsAACAFQRBqIAcgCCAJIAz9DQAAABQA",
	"AAAVAAAAFgAAABf9+gH95gH95AH9CwAAIAUgByAIIAkgDP0NAAAAEAAAABEAAAASAAAAE/36Af3mAf3kAf0LAAAg",
	"AEESaiEAIAVBgAFqIQUgBEHAAGohDSAEQSBqIgMhBCANIAJMDQALCwJAIAMgAk4NACABIANBAnRqIQUDQCAFIAD9",
	"AAAA/QsAACAFQRBqIQUgAEEQaiEAIANBBGoiAyACSA0ACwsLoxIEFH8GewJ/CHtBACEIAkAgBEEBcQ0AIAYgBkEE",
	"b2shCAsCQCAEQQFIDQAgBUECdCEJIAVBA3QhCiAFQQR0IQsgBUEMbCEMIANBfGohDSACIAggBWxBAnRqIQ5BACEP",
	"IAVBIEghECAEQQFqQQJ0IREgBEEBdCISQQFyQQJ0IRMgBEEDbCIUQQFqQQJ0IRVBACEWA0ACQCAIRQ0AIAUgD0EB",
	"cWwhF0EAIRggACEZAkAgEA0AIAcgF0ECdGohGkEAIRsgACEZA0AgGkHwAGogGUEDaiwAACIYQYCAgIB4cSAYQRV0",
	"QYCAgP8AcSAZQQJqLQAAQQ10cr5DAACAd5S8cv0RIhwgGUEBaiwAACIYQYCAgIB4cSAYQRV0QYCAgP8AcSAZLQAA",
	"QQ10cr5DAACAd5S8cr5DAACAM5T9EyId/QwAAAAAAAAAAAAAAAAAAAAAIh4gGUEEav0AAAAiH0EE/Y0B/QwPDw8P",
	"Dw8PDw8PDw8PDw8PIiD9TiIh/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/eQB/QsAACAaQeAAaiAcIB0gHiAh/Q0A",
	"AAAYAAAAGQAAABoAAAAb/foB/eYB/eQB/QsAACAaQdAAaiAcIB0gHiAh/Q0AAAAUAAAAFQAAABYAAAAX/foB/eYB",
	"/eQB/QsAACAaQcAAaiAcIB0gHiAh/Q0AAAAQAAAAEQAAABIAAAAT/foB/eYB/eQB/QsAACAaQTBqIBwgHSAeIB8g",
	"IP1OIiH9DQAAABwAAAAdAAAAHgAAAB/9+gH95gH95AH9CwAAIBpBIGogHCAdIB4gIf0NAAAAGAAAABkAAAAaAAAA",
	"G/36Af3mAf3kAf0LAAAgGkEQaiAcIB0gHiAh/Q0AAAAUAAAAFQAAABYAAAAX/foB/eYB/eQB/QsAACAaIBwgHSAe",
	"ICH9DQAAABAAAAARAAAAEgAAABP9+gH95gH95AH9CwAAIBlBFGohGSAaQYABaiEaIBtBwABqISIgG0EgaiIYIRsg",
	"IiAFTA0ACwsgGCAFTg0AIAcgGCAXakECdGohGgNAIBogGf0AAAD9CwAAIBpBEGohGiAZQRBqIRkgGEEEaiIYIAVI",
	"DQALCwJAIAhBAUgNACAWQQFxRQ0AIA0gFkECdGohI0EAISIgAiEXA0AgIyAiIARsQQJ0aiEbAkACQCAFQQFODQD9",
	"DAAAAAAAAAAAAAAAAAAAAAAiHiEhIB4hHyAeISAgHiEkIB4hJSAeISYgHiEnDAELQQAhGCAHIRogFyEZ/QwAAAAA",
	"AAAAAAAAAAAAAAAAIh4hISAeIR8gHiEgIB4hJCAeISUgHiEmIB4hJwNAICQgGiAJav0AAAAiHCAZIAxq/QAAACIo",
	"/eYB/eQBISQgJSAcIBkgCmr9AAAAIin95gH95AEhJSAmIBwgGSAJav0AAAAiKv3mAf3kASEmICAgGv0AAAAiHSAZ",
	"/QAAACIr/eYB/eQBISAgHiAdICj95gH95AEhHiAhIB0gKf3mAf3kASEhIB8gHSAq/eYB/eQBIR8gJyAcICv95gH9",
	"5AEhJyAaQRBqIRogGUEQaiEZIBhBBGoiGCAFSA0ACwsgGyAn/R8AICf9HwGSICf9HwIgJ/0fA5KSOAIEIBsgIP0f",
	"ACAg/R8BkiAg/R8CICD9HwOSkjgCACAbIARBAnRqIB/9HwAgH/0fAZIgH/0fAiAf/R8DkpI4AgAgGyARaiAm/R8A",
	"ICb9HwGSICb9HwIgJv0fA5KSOAIAIBsgE2ogJf0fACAl/R8BkiAl/R8CICX9HwOSkjgCACAbIBJBAnRqICH9HwAg",
	"If0fAZIgIf0fAiAh/R8DkpI4AgAgGyAUQQJ0aiAe/R8AIB79HwGSIB79HwIgHv0fA5KSOAIAIBsgFWogJP0fACAk",
	"/R8BkiAk/R8CICT9HwOSkjgCACAXIAtqIRcgIkEEaiIiIAhIDQALCyAOISMgCCEXAkAgCCAGTg0AA0ACQAJAIBBF",
	"DQBBACEYIAAhGf0MAAAAAAAAAAAAAAAAAAAAACIhISQMAQtBACEbICMhGv0MAAAAAAAAAAAAAAAAAAAAACIkISEg",
	"ACEZA0AgGkHwAGr9AAAAIBlBA2osAAAiGEGAgICAeHEgGEEVdEGAgID/AHEgGUECai0AAEENdHK+QwAAgHeUvHL9",
	"ESIcIBlBAWosAAAiGEGAgICAeHEgGEEVdEGAgID/AHEgGS0AAEENdHK+QwAAgHeUvHK+QwAAgDOU/RMiHf0MAAAA",
	"AAAAAAAAAAAAAAAAACIeIBlBBGr9AAAAIiBBBP2NAf0MDw8PDw8PDw8PDw8PDw8PDyIl/U4iH/0NAAAAHAAAAB0A",
	"AAAeAAAAH/36Af3mAf3kAf3mASAaQdAAav0AAAAgHCAdIB4gH/0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf3m",
	"ASAaQTBq/QAAACAcIB0gHiAgICX9TiIg/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/eQB/eYBICQgGkEQav0AAAAg",
	"HCAdIB4gIP0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf3mAf3kAf3kAf3kAf3kASEkIBpB4ABq/QAAACAcIB0g",
	"HiAf/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/eQB/eYBIBpBwABq/QAAACAcIB0gHiAf/Q0AAAAQAAAAEQAAABIA",
	"AAAT/foB/eYB/eQB/eYBIBpBIGr9AAAAIBwgHSAeICD9DQAAABgAAAAZAAAAGgAAABv9+gH95gH95AH95gEgISAa",
	"/QAAACAcIB0gHiAg/Q0AAAAQAAAAEQAAABIAAAAT/foB/eYB/eQB/eYB/eQB/eQB/eQB/eQBISEgGUEUaiEZIBpB",
	"gAFqIRogG0HAAGohIiAbQSBqIhghGyAiIAVMDQALCwJAIBggBU4NACAjIBhBAnRqIRoDQCAhIBn9AAAAIBr9AAAA",
	"/eYB/eQBISEgGkEQaiEaIBlBEGohGSAYQQRqIhggBUgNAAsLIAMgFyAEbCAWakECdGogJCAh/eQBIhz9HwAgHP0f",
	"AZIgHP0fAiAc/R8DkpI4AgAgIyAJaiEjIBdBAWoiFyAGRw0ACwsgD0EBaiEPIAAgAWohACAWQQFqIhYgBEcNAAsL",
	"C5AFAwN/BnsBf0EAIQMCQCACQSBIDQBBACEEIAEhBQNAIAVB8ABqIABBA2osAAAiA0GAgICAeHEgA0EVdEGAgID/",
	"AHEgAEECai0AAEENdHK+QwAAgHeUvHL9ESIGIABBAWosAAAiA0GAgICAeHEgA0EVdEGAgID/AHEgAC0AAEENdHK+",
	"QwAAgHeUvHK+QwAAgDOU/RMiB/0MAAAAAAAAAAAAAAAAAAAAACIIIABBBGr9AAAAIglBBP2NAf0MDw8PDw8PDw8P",
	"Dw8PDw8PDyIK/U4iC/0NAAAAHAAAAB0AAAAeAAAAH/36Af3mAf3kAf0LAAAgBUHgAGogBiAHIAggC/0NAAAAGAAA",
	"ABkAAAAaAAAAG/36Af3mAf3kAf0LAAAgBUHQAGogBiAHIAggC/0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf0L",
	"AAAgBUHAAGogBiAHIAggC/0NAAAAEAAAABEAAAASAAAAE/36Af3mAf3kAf0LAAAgBUEwaiAGIAcgCCAJIAr9TiIL",
	"/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/eQB/QsAACAFQSBqIAYgByAIIAv9DQAAABgAAAAZAAAAGgAAABv9+gH9",
	"5gH95AH9CwAAIAVBEGogBiAHIAggC/0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf0LAAAgBSAGIAcgCCAL/Q0A",
	"AAAQAAAAEQAAABIAAAAT/foB/eYB/eQB/QsAACAAQRRqIQAgBUGAAWohBSAEQcAAaiEMIARBIGoiAyEEIAwgAkwN",
	"AAsLAkAgAyACTg0AIAEgA0ECdGohBQNAIAUgAP0AAAD9CwAAIAVBEGohBSAAQRBqIQAgA0EEaiIDIAJIDQALCwu5",
	"EAQUfwR7An8Ke0EAIQgCQCAEQQFxDQAgBiAGQQRvayEICwJAIARBAUgNACAFQQJ0IQkgBUEDdCEKIAVBBHQhCyAF",
	"QQxsIQwgA0F8aiENIAIgCCAFbEECdGohDkEAIQ8gBUEgSCEQIARBAWpBAnQhESAEQQF0IhJBAXJBAnQhEyAEQQNs",
	"IhRBAWpBAnQhFUEAIRYDQAJAIAhFDQAgBSAPQQFxbCEXQQAhGCAAIRkCQCAQDQAgByAXQQJ0aiEaQQAhGyAAIRkD",
	"QCAZQQJq/QAAACEcIBpB8ABqIBlBAWosAAAiGEGAgICAeHEgGEEVdEGAgID/AHEgGS0AAEENdHK+QwAAgHeUvHK+",
	"QwAAgDOU/RMiHf0MAAAAAAAAAAAAAAAAAAAAACIeIBlBEmr9AAAAIh/9DQAAABwAAAAdAAAAHgAAAB/9+gH95gH9",
	"CwAAIBpB4ABqIB0gHiAf/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/QsAACAaQdAAaiAdIB4gH/0NAAAAFAAAABUA",
	"AAAWAAAAF/36Af3mAf0LAAAgGkHAAGogHSAeIB/9DQAAABAAAAARAAAAEgAAABP9+gH95gH9CwAAIBpBMGogHSAe",
	"IBz9DQAAABwAAAAdAAAAHgAAAB/9+gH95gH9CwAAIBpBIGogHSAeIBz9DQAAABgAAAAZAAAAGgAAABv9+gH95gH9",
	"CwAAIBpBEGogHSAeIBz9DQAAABQAAAAVAAAAFgAAABf9+gH95gH9CwAAIBogHSAeIBz9DQAAABAAAAARAAAAEgAA",
	"ABP9+gH95gH9CwAAIBlBImohGSAaQYABaiEaIBtBwABqISAgG0EgaiIYIRsgICAFTA0ACwsgGCAFTg0AIAcgGCAX",
	"akECdGohGgNAIBogGf0AAAD9CwAAIBpBEGohGiAZQRBqIRkgGEEEaiIYIAVIDQALCwJAIAhBAUgNACAWQQFxRQ0A",
	"IA0gFkECdGohIUEAISAgAiEXA0AgISAgIARsQQJ0aiEbAkACQCAFQQFODQD9DAAAAAAAAAAAAAAAAAAAAAAiHCEf",
	"IBwhIiAcISMgHCEkIBwhJSAcISYgHCEnDAELQQAhGCAHIRkgFyEa/QwAAAAAAAAAAAAAAAAAAAAAIhwhHyAcISIg",
	"HCEjIBwhJCAcISUgHCEmIBwhJwNAICQgGSAJav0AAAAiHSAaIAxq/QAAACIo/eYB/eQBISQgJSAdIBogCmr9AAAA",
	"Iin95gH95AEhJSAmIB0gGiAJav0AAAAiKv3mAf3kASEmICMgGf0AAAAiHiAa/QAAACIr/eYB/eQBISMgHCAeICj9",
	"5gH95AEhHCAfIB4gKf3mAf3kASEfICIgHiAq/eYB/eQBISIgJyAdICv95gH95AEhJyAZQRBqIRkgGkEQaiEaIBhB",
	"BGoiGCAFSA0ACwsgGyAn/R8AICf9HwGSICf9HwIgJ/0fA5KSOAIEIBsgI/0fACAj/R8BkiAj/R8CICP9HwOSkjgC",
	"ACAbIARBAnRqICL9HwAgIv0fAZIgIv0fAiAi/R8DkpI4AgAgGyARaiAm/R8AICb9HwGSICb9HwIgJv0fA5KSOAIA",
	"IBsgE2ogJf0fACAl/R8BkiAl/R8CICX9HwOSkjgCACAbIBJBAnRqIB/9HwAgH/0fAZIgH/0fAiAf/R8DkpI4AgAg",
	"GyAUQQJ0aiAc/R8AIBz9HwGSIBz9HwIgHP0fA5KSOAIAIBsgFWogJP0fACAk/R8BkiAk/R8CICT9HwOSkjgCACAX",
	"IAtqIRcgIEEEaiIgIAhIDQALCyAOISEgCCEXAkAgCCAGTg0AA0ACQAJAIBBFDQBBACEYIAAhGf0MAAAAAAAAAAAA",
	"AAAAAAAAACIcISMMAQtBACEbICEhGv0MAAAAAAAAAAAAAAAAAAAAACIjIRwgACEZA0AgGkHwAGr9AAAAIBlBAWos",
	"AAAiGEGAgICAeHEgGEEVdEGAgID/AHEgGS0AAEENdHK+QwAAgHeUvHK+QwAAgDOU/RMiHf0MAAAAAAAAAAAAAAAA",
	"AAAAACIeIBlBEmr9AAAAIh/9DQAAABwAAAAdAAAAHgAAAB/9+gH95gH95gEgGkHQAGr9AAAAIB0gHiAf/Q0AAAAU",
	"AAAAFQAAABYAAAAX/foB/eYB/eYBIBpBMGr9AAAAIB0gHiAZQQJq/QAAACIi/Q0AAAAcAAAAHQAAAB4AAAAf/foB",
	"/eYB/eYBICMgGkEQav0AAAAgHSAeICL9DQAAABQAAAAVAAAAFgAAABf9+gH95gH95gH95AH95AH95AH95AEhIyAa",
	"QeAAav0AAAAgHSAeIB/9DQAAABgAAAAZAAAAGgAAABv9+gH95gH95gEgGkHAAGr9AAAAIB0gHiAf/Q0AAAAQAAAA",
	"EQAAABIAAAAT/foB/eYB/eYBIBpBIGr9AAAAIB0gHiAi/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/eYBIBwgGv0A",
	"AAAgHSAeICL9DQAAABAAAAARAAAAEgAAABP9+gH95gH95gH95AH95AH95AH95AEhHCAZQSJqIRkgGkGAAWohGiAb",
	"QcAAaiEgIBtBIGoiGCEbICAgBUwNAAsLAkAgGCAFTg0AICEgGEECdGohGgNAIBwgGf0AAAAgGv0AAAD95gH95AEh",
	"HCAaQRBqIRogGUEQaiEZIBhBBGoiGCAFSA0ACwsgAyAXIARsIBZqQQJ0aiAjIBz95AEiHf0fACAd/R8BkiAd/R8C",
	"IB39HwOSkjgCACAhIAlqISEgF0EBaiIXIAZHDQALCyAPQQFqIQ8gACABaiEAIBZBAWoiFiAERw0ACwsLnAQDA38E",
	"ewF/QQAhAwJAIAJBIEgNAEEAIQQgASEFA0AgAEECav0AAAAhBiAFQfAAaiAAQQFqLAAAIgNBgICAgHhxIANBFXRB",
	"gICA/wBxIAAtAABBDXRyvkMAAIB3lLxyvkMAAIAzlP0TIgf9DAAAAAAAAAAAAAAAAAAAAAAiCCAAQRJq/QAAACIJ",
	"/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/QsAACAFQeAAaiAHIAggCf0NAAAAGAAAABkAAAAaAAAAG/36Af3mAf0L",
	"AAAgBUHQAGogByAIIAn9DQAAABQAAAAVAAAAFgAAABf9+gH95gH9CwAAIAVBwABqIAcgCCAJ/Q0AAAAQAAAAEQAA",
	"ABIAAAAT/foB/eYB/QsAACAFQTBqIAcgCCAG/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/QsAACAFQSBqIAcgCCAG",
	"/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/QsAACAFQRBqIAcgCCAG/Q0AAAAUAAAAFQAAABYAAAAX/foB/eYB/QsA",
	"ACAFIAcgCCAG/Q0AAAAQAAAAEQAAABIAAAAT/foB/eYB/QsAACAAQSJqIQAgBUGAAWohBSAEQcAAaiEKIARBIGoi",
	"AyEEIAogAkwNAAsLAkAgAyACTg0AIAEgA0ECdGohBQNAIAUgAP0AAAD9CwAAIAVBEGohBSAAQRBqIQAgA0EEaiID",
	"IAJIDQALCws=",
].join("");
return { WASM };
});
define("live/matrices.js", () => {

const { WASM } = modules["live/wasm.js"];

const PAGE = 65536; // bytes by which the memory of WebAssembly grows
const BLOCK = 32;

function decodeBase64(text) {
	if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
	return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

const roundUp = (number, unit) => Math.ceil(number / unit) * unit;

class Matrices {
	static async create({ plain = false } = {}) {
		if (plain || !globalThis.WebAssembly) return new PlainMatrices();
		const memory = new WebAssembly.Memory({ initial: 2 });
		try {
			const { instance } = await WebAssembly.instantiate(decodeBase64(WASM), { env: { memory } });
			return new WasmMatrices(memory, instance.exports);
		} catch {
			return new PlainMatrices(); // no SIMD, or a policy against it
		}
	}

	zeros(rows, columns) {
		const offset = this.reserve(4 * rows * columns);
		this.floats(offset, rows * columns).fill(0);
		return { type: "F32", rows, columns, stride: 4 * columns, offset };
	}

	view({ offset, rows, columns }) {
		return this.floats(offset, rows * columns);
	}

	bytes(offset, length) {
		return new Uint8Array(this.buffer, offset, length);
	}

	floats(offset, length) {
		return new Float32Array(this.buffer, offset, length);
	}
}

class WasmMatrices extends Matrices {
	scratch = { offset: 0, size: 0 };

	constructor(memory, functions) {
		super();
		this.memory = memory;
		this.functions = functions;
		this.end = roundUp(functions.memory_start(), 64);
	}

	get buffer() {
		return this.memory.buffer;
	}

	reserve(size) {
		const offset = this.end;
		this.end = roundUp(offset + size, 64);
		const missing = this.end - this.buffer.byteLength;
		try {
			if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
		} catch {
			throw new Error("there is not enough memory for it");
		}
		return offset;
	}

	scratchFor(size) {
		if (size > this.scratch.size) this.scratch = { offset: this.reserve(size), size };
		return this.scratch.offset;
	}

	multiply({ type, rows, columns, stride, offset }, x, n) {
		const input = this.scratchFor(4 * (n * (columns + rows) + 2 * columns));
		const output = input + 4 * n * columns;
		this.floats(input, n * columns).set(x);
		const room = output + 4 * n * rows;
		const multiply = this.functions[`multiply_${type}`];
		multiply(offset, stride, input, output, rows, columns, n, room);
		return this.floats(output, n * rows).slice();
	}

	row({ type, columns, stride, offset }, index) {
		if (type === "F32") return this.floats(offset + index * stride, columns).slice();
		const output = this.scratchFor(4 * columns);
		this.functions[`unpack_row_${type}`](offset + index * stride, output, columns);
		return this.floats(output, columns).slice();
	}
}

function half(view, offset) {
	const bits = view.getUint16(offset, true);
	const exponent = (bits >> 10) & 31;
	const fraction = bits & 1023;
	const size = exponent
		? (1 + fraction / 1024) * 2 ** (exponent - 15)
		: (fraction / 1024) * 2 ** -14;
	return bits & 0x8000 ? -size : size;
}

const nibble = (view, offset, i) => (view.getUint8(offset + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;

const FORMATS = {
	F32: { bytes: 128, read: (view, block, i) => view.getFloat32(block + 4 * i, true) },
	F16: { bytes: 64, read: (view, block, i) => half(view, block + 2 * i) },
	Q4_0: {
		bytes: 18,
		read: (view, block, i) => half(view, block) * (nibble(view, block + 2, i) - 8),
	},
	Q4_1: {
		bytes: 20,
		read: (view, block, i) =>
			Math.fround(half(view, block) * nibble(view, block + 4, i)) + half(view, block + 2),
	},
	Q8_0: { bytes: 34, read: (view, block, i) => half(view, block) * view.getInt8(block + 2 + i) },
};

class PlainMatrices extends Matrices {
	buffer = new ArrayBuffer(0);
	end = 0;

	reserve(size) {
		const offset = this.end;
		this.end = roundUp(offset + size, 64);
		if (this.end > this.buffer.byteLength) {
			const larger = new Uint8Array(offset ? 1.5 * this.end : this.end);
			larger.set(new Uint8Array(this.buffer));
			this.buffer = larger.buffer;
		}
		return offset;
	}

	multiply(matrix, x, n) {
		const { rows, columns } = matrix;
		const y = new Float32Array(n * rows);
		for (let r = 0; r < rows; r++) {
			const weights = this.row(matrix, r);
			for (let t = 0; t < n; t++) {
				let sum = 0;
				for (let i = 0; i < columns; i++) sum += weights[i] * x[t * columns + i];
				y[t * rows + r] = sum;
			}
		}
		return y;
	}

	row({ type, columns, stride, offset }, index) {
		const start = offset + index * stride;
		if (type === "F32") return this.floats(start, columns);
		const { bytes, read } = FORMATS[type];
		const view = new DataView(this.buffer, start, stride);
		return Float32Array.from({ length: columns }, (_, i) =>
			read(view, Math.floor(i / BLOCK) * bytes, i % BLOCK),
		);
	}
}
return { decodeBase64, Matrices };
});
define("live/engine.js", () => {

const { checkModel } = modules["live/checks.js"];
const { readHeader } = modules["live/gguf.js"];
const { Matrices } = modules["live/matrices.js"];
const { Model } = modules["live/model.js"];

const CAPACITY = 640; // tokens, of the text and what is written after it
const CHUNK = 32; // tokens between two pauses

const pause = () => new Promise((resolve) => setTimeout(resolve));

function bestIds(logits, count) {
	const best = [];
	for (let id = 0; id < logits.length; id++) {
		if (best.length === count && !(logits[id] > logits[best.at(-1)])) continue;
		let rank = best.length;
		while (rank && logits[id] > logits[best[rank - 1]]) rank--;
		best.splice(rank, 0, id);
		if (best.length > count) best.pop();
	}
	return best;
}

function topTokens(logits, count) {
	const ids = bestIds(logits, count);
	const most = logits[ids[0]];
	const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
	return ids.map((id) => ({ id, logit: logits[id], prob: Math.exp(logits[id] - most) / sum }));
}

const asSets = ({ heads = [], mlps = [], blocked = [] }) => ({
	heads: new Set(heads),
	mlps: new Set(mlps),
	blocked: new Set(blocked),
});

async function sha256(bytes) {
	const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
	return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

class Engine {
	job = 0; // a run goes on while this is its number

	constructor(report = () => {}) {
		this.report = report;
	}

	async allocate(size, { plain = false } = {}) {
		this.matrices = await Matrices.create({ plain });
		this.size = size;
		this.offset = this.matrices.reserve(size);
	}

	write(offset, bytes) {
		this.matrices.bytes(this.offset, this.size).set(bytes, offset);
	}

	async open(expectedSha256 = null) {
		const bytes = this.matrices.bytes(this.offset, this.size);
		const digest = globalThis.crypto?.subtle ? await sha256(bytes) : null;
		if (expectedSha256 && digest && digest !== expectedSha256) {
			throw new Error("the file is damaged: its sha256 is not the one that the book states");
		}
		const header = readHeader(bytes);
		for (const tensor of Object.values(header.tensors)) tensor.offset += this.offset;
		checkModel(header);
		this.model = new Model(header, this.matrices, CAPACITY);
		const tokenizer = Object.fromEntries(
			Object.entries(header.settings).filter(([key]) => key.startsWith("tokenizer.")),
		);
		const { shape } = this.model;
		const capacity = Math.min(CAPACITY, shape.context);
		return { digest, shape, capacity, tokenizer, memory: this.matrices.buffer.byteLength };
	}

	async run(ids, changes = {}) {
		this.model.reset();
		this.changes = asSets(changes);
		return this.extend(ids);
	}

	async extend(ids) {
		const job = ++this.job;
		let logits = null;
		for (let done = 0; done < ids.length; done += CHUNK) {
			if (job !== this.job) return null;
			logits = this.model.forward(ids.slice(done, done + CHUNK), this.changes);
			this.report(Math.min(1, (done + CHUNK) / ids.length));
			await pause();
		}
		return job === this.job ? logits : null;
	}

	stop() {
		this.job++;
	}

	pattern(layer) {
		return this.model.pattern(layer, this.changes);
	}

	lens(position, count) {
		const logits = this.model.lens(position);
		const size = this.model.shape.vocabulary;
		return Array.from({ length: logits.length / size }, (_, layer) =>
			topTokens(logits.subarray(layer * size, (layer + 1) * size), count),
		);
	}
}
return { topTokens, Engine };
});
define("live/client.js", () => {

const { loadScript } = modules["scripts/common.js"];
const { Engine } = modules["live/engine.js"];
const { decodeBase64 } = modules["live/matrices.js"];
const workerSource = "// Joined from the modules in templates/assets, which have the comments.\n(() => {\n\"use strict\";\nconst modules = (globalThis.layerbookModules ??= {});\nconst define = (name, run) => {\n\ttry {\n\t\tmodules[name] = run();\n\t} catch (error) {\n\t\treportError(error); // the other parts go on\n\t}\n};\ndefine(\"live/model.js\", () => {\n\nconst SETTINGS = {\n\tlayers: \"block_count\",\n\twidth: \"embedding_length\",\n\thidden: \"feed_forward_length\",\n\theads: \"attention.head_count\",\n\tcontext: \"context_length\",\n\tepsilon: \"attention.layer_norm_rms_epsilon\",\n};\n\nconst UNCHANGED = { heads: new Set(), mlps: new Set(), blocked: new Set() };\n\nfunction readShape({ settings, tensors }) {\n\tconst shape = {};\n\tfor (const [name, key] of Object.entries(SETTINGS)) shape[name] = settings[`llama.${key}`];\n\tshape.keyHeads = settings[\"llama.attention.head_count_kv\"] ?? shape.heads;\n\tshape.headSize = settings[\"llama.attention.key_length\"] ?? shape.width / shape.heads;\n\tshape.ropeBase = settings[\"llama.rope.freq_base\"] ?? 10000;\n\tshape.vocabulary = tensors[\"token_embd.weight\"]?.rows;\n\treturn shape;\n}\n\nfunction normalize(x, gain, epsilon) {\n\tconst width = gain.length;\n\tconst out = new Float32Array(x.length);\n\tfor (let start = 0; start < x.length; start += width) {\n\t\tlet squares = 0;\n\t\tfor (let i = 0; i < width; i++) squares += x[start + i] ** 2;\n\t\tconst scale = 1 / Math.sqrt(squares / width + epsilon);\n\t\tfor (let i = 0; i < width; i++) {\n\t\t\tout[start + i] = x[start + i] * scale * gain[i];\n\t\t}\n\t}\n\treturn out;\n}\n\nfunction add(x, y) {\n\tfor (let i = 0; i < x.length; i++) x[i] += y[i];\n}\n\nfunction gateBySilu(gate, up) {\n\tfor (let i = 0; i < up.length; i++) {\n\t\tup[i] *= gate[i] / (1 + Math.exp(-gate[i]));\n\t}\n}\n\nfunction softmax(scores, position, blocked) {\n\tfor (const key of blocked) if (key < position) scores[key] = -Infinity;\n\tlet most = -Infinity;\n\tfor (let key = 0; key <= position; key++) {\n\t\tmost = Math.max(most, scores[key]);\n\t}\n\tlet sum = 0;\n\tfor (let key = 0; key <= position; key++) {\n\t\tscores[key] = Math.exp(scores[key] - most);\n\t\tsum += scores[key];\n\t}\n\tfor (let key = 0; key <= position; key++) scores[key] /= sum;\n\tscores.fill(0, position + 1);\n}\n\nconst roundUp = (number, unit) => Math.ceil(number / unit) * unit;\n\nconst emptyLists = (count) => Array.from({ length: count }, () => []);\n\nfunction joined(parts) {\n\tconst all = new Float32Array(parts.reduce((total, part) => total + part.length, 0));\n\tlet length = 0;\n\tfor (const part of parts) {\n\t\tall.set(part, length);\n\t\tlength += part.length;\n\t}\n\treturn all;\n}\n\nfunction vectorAt(parts, position, width) {\n\tlet start = position * width;\n\tfor (const part of parts) {\n\t\tif (start < part.length) return part.subarray(start, start + width);\n\t\tstart -= part.length;\n\t}\n\tthrow new Error(`no token has run at position ${position}`);\n}\n\nclass Model {\n\tconstructor(header, matrices, capacity) {\n\t\tthis.tensors = header.tensors;\n\t\tthis.matrices = matrices;\n\t\tthis.shape = readShape(header);\n\t\tthis.capacity = roundUp(capacity, 4);\n\t\tconst { layers, keyHeads, headSize, ropeBase } = this.shape;\n\t\tthis.frequencies = Float32Array.from(\n\t\t\t{ length: headSize / 2 },\n\t\t\t(_, i) => 1 / Math.fround(ropeBase ** ((2 * i) / headSize)),\n\t\t);\n\t\tconst eachHead = (make) => Array.from({ length: keyHeads }, make);\n\t\tthis.cache = Array.from({ length: layers }, () => ({\n\t\t\tkeys: eachHead(() => matrices.zeros(this.capacity, headSize)),\n\t\t\tvalues: eachHead(() => matrices.zeros(headSize, this.capacity)), // a column is a token\n\t\t}));\n\t\tthis.reset();\n\t}\n\n\treset() {\n\t\tthis.length = 0;\n\t\tconst { layers } = this.shape;\n\t\tthis.kept = { streams: emptyLists(layers + 1), queries: emptyLists(layers) };\n\t}\n\n\ttensor(name) {\n\t\treturn this.tensors[`${name}.weight`];\n\t}\n\n\ttimes(name, x) {\n\t\tconst matrix = this.tensor(name);\n\t\treturn this.matrices.multiply(matrix, x, x.length / matrix.columns);\n\t}\n\n\tnormalize(name, x) {\n\t\treturn normalize(x, this.matrices.row(this.tensor(name), 0), this.shape.epsilon);\n\t}\n\n\tforward(ids, changes = UNCHANGED) {\n\t\tconst { layers, width } = this.shape;\n\t\tconst x = this.embed(ids);\n\t\tfor (let layer = 0; layer < layers; layer++) {\n\t\t\tthis.kept.streams[layer].push(x.slice());\n\t\t\tadd(x, this.attention(layer, x, changes));\n\t\t\tif (!changes.mlps.has(layer)) add(x, this.mlp(layer, x));\n\t\t}\n\t\tthis.kept.streams[layers].push(x);\n\t\tthis.length += ids.length;\n\t\treturn this.unembed(x.subarray(x.length - width));\n\t}\n\n\tembed(ids) {\n\t\tconst { width } = this.shape;\n\t\tconst x = new Float32Array(ids.length * width);\n\t\tconst table = this.tensor(\"token_embd\");\n\t\tids.forEach((id, t) => x.set(this.matrices.row(table, id), t * width));\n\t\treturn x;\n\t}\n\n\tattention(layer, x, { heads, blocked }) {\n\t\tconst block = `blk.${layer}.attn_`;\n\t\tconst input = this.normalize(`${block}norm`, x);\n\t\tconst queries = this.times(`${block}q`, input);\n\t\tconst keys = this.times(`${block}k`, input);\n\t\tconst values = this.times(`${block}v`, input);\n\t\tthis.rotate(queries, this.shape.heads);\n\t\tthis.rotate(keys, this.shape.keyHeads);\n\t\tthis.store(layer, keys, values);\n\t\tthis.kept.queries[layer].push(queries);\n\t\tconst z = this.mix(layer, queries, blocked);\n\t\tthis.switchOff(layer, z, heads);\n\t\treturn this.times(`${block}output`, z);\n\t}\n\n\tmlp(layer, x) {\n\t\tconst block = `blk.${layer}.ffn_`;\n\t\tconst input = this.normalize(`${block}norm`, x);\n\t\tconst hidden = this.times(`${block}up`, input);\n\t\tgateBySilu(this.times(`${block}gate`, input), hidden);\n\t\treturn this.times(`${block}down`, hidden);\n\t}\n\n\trotate(vectors, heads) {\n\t\tconst { headSize } = this.shape;\n\t\tfor (let start = 0; start < vectors.length; start += headSize) {\n\t\t\tconst position = this.length + Math.floor(start / headSize / heads);\n\t\t\tfor (let i = 0; i < headSize / 2; i++) {\n\t\t\t\tconst angle = Math.fround(position * this.frequencies[i]);\n\t\t\t\tconst a = vectors[start + 2 * i];\n\t\t\t\tconst b = vectors[start + 2 * i + 1];\n\t\t\t\tvectors[start + 2 * i] = a * Math.cos(angle) - b * Math.sin(angle);\n\t\t\t\tvectors[start + 2 * i + 1] = a * Math.sin(angle) + b * Math.cos(angle);\n\t\t\t}\n\t\t}\n\t}\n\n\tstore(layer, keys, values) {\n\t\tconst { keyHeads, headSize } = this.shape;\n\t\tconst { capacity } = this;\n\t\tfor (let head = 0; head < keyHeads; head++) {\n\t\t\tconst keyRows = this.matrices.view(this.cache[layer].keys[head]);\n\t\t\tconst valueColumns = this.matrices.view(this.cache[layer].values[head]);\n\t\t\tfor (let t = 0; t * keyHeads * headSize < keys.length; t++) {\n\t\t\t\tconst start = (t * keyHeads + head) * headSize;\n\t\t\t\tconst position = this.length + t;\n\t\t\t\tkeyRows.set(keys.subarray(start, start + headSize), position * headSize);\n\t\t\t\tfor (let i = 0; i < headSize; i++) {\n\t\t\t\t\tvalueColumns[i * capacity + position] = values[start + i];\n\t\t\t\t}\n\t\t\t}\n\t\t}\n\t}\n\n\tmix(layer, queries, blocked) {\n\t\tconst z = new Float32Array(queries.length);\n\t\tfor (let keyHead = 0; keyHead < this.shape.keyHeads; keyHead++) {\n\t\t\tconst looks = this.attend(layer, keyHead, queries, this.length, blocked);\n\t\t\tconst { shares, columns, n } = looks;\n\t\t\tconst values = { ...this.cache[layer].values[keyHead], columns };\n\t\t\tconst mixed = this.matrices.multiply(values, shares, n * this.groupSize);\n\t\t\tthis.forGroups(keyHead, n, (inAll, inGroup, size) => {\n\t\t\t\tz.set(mixed.subarray(inGroup, inGroup + size), inAll);\n\t\t\t});\n\t\t}\n\t\treturn z;\n\t}\n\n\tattend(layer, keyHead, queries, start, blocked) {\n\t\tconst { heads, headSize } = this.shape;\n\t\tconst n = queries.length / heads / headSize;\n\t\tconst columns = roundUp(start + n, 4);\n\t\tconst grouped = new Float32Array(n * this.groupSize * headSize);\n\t\tthis.forGroups(keyHead, n, (inAll, inGroup, size) => {\n\t\t\tgrouped.set(queries.subarray(inAll, inAll + size), inGroup);\n\t\t});\n\t\tconst keys = { ...this.cache[layer].keys[keyHead], rows: columns };\n\t\tconst shares = this.matrices.multiply(keys, grouped, n * this.groupSize);\n\t\tfor (let i = 0; i < shares.length; i++) shares[i] /= Math.sqrt(headSize);\n\t\tfor (let row = 0; row < n * this.groupSize; row++) {\n\t\t\tconst position = start + Math.floor(row / this.groupSize);\n\t\t\tsoftmax(shares.subarray(row * columns, (row + 1) * columns), position, blocked);\n\t\t}\n\t\treturn { shares, columns, n };\n\t}\n\n\tget groupSize() {\n\t\treturn this.shape.heads / this.shape.keyHeads;\n\t}\n\n\tforGroups(keyHead, n, visit) {\n\t\tconst size = this.groupSize * this.shape.headSize;\n\t\tfor (let t = 0; t < n; t++) {\n\t\t\tvisit((t * this.shape.keyHeads + keyHead) * size, t * size, size);\n\t\t}\n\t}\n\n\tswitchOff(layer, z, heads) {\n\t\tconst { headSize } = this.shape;\n\t\tfor (let start = 0; start < z.length; start += headSize) {\n\t\t\tconst head = (start / headSize) % this.shape.heads;\n\t\t\tif (heads.has(`${layer}.${head}`)) z.fill(0, start, start + headSize);\n\t\t}\n\t}\n\n\tunembed(x) {\n\t\tconst matrix = this.tensor(\"output\") ? \"output\" : \"token_embd\";\n\t\treturn this.times(matrix, this.normalize(\"output_norm\", x));\n\t}\n\n\tlens(position) {\n\t\tconst { layers, width } = this.shape;\n\t\tconst x = new Float32Array((layers + 1) * width);\n\t\tthis.kept.streams.forEach((parts, layer) =>\n\t\t\tx.set(vectorAt(parts, position, width), layer * width),\n\t\t);\n\t\treturn this.unembed(x);\n\t}\n\n\tpattern(layer, { blocked } = UNCHANGED) {\n\t\tconst { heads, keyHeads } = this.shape;\n\t\tconst count = this.length;\n\t\tconst queries = joined(this.kept.queries[layer]);\n\t\tconst pattern = new Float32Array(heads * count * count);\n\t\tfor (let keyHead = 0; keyHead < keyHeads; keyHead++) {\n\t\t\tconst { shares, columns } = this.attend(layer, keyHead, queries, 0, blocked);\n\t\t\tfor (let row = 0; row < count * this.groupSize; row++) {\n\t\t\t\tconst head = keyHead * this.groupSize + (row % this.groupSize);\n\t\t\t\tconst query = Math.floor(row / this.groupSize);\n\t\t\t\tconst seen = shares.subarray(row * columns, row * columns + query + 1);\n\t\t\t\tpattern.set(seen, (head * count + query) * count);\n\t\t\t}\n\t\t}\n\t\treturn pattern;\n\t}\n}\nreturn { UNCHANGED, readShape, Model };\n});\ndefine(\"live/checks.js\", () => {\n\nconst { readShape } = modules[\"live/model.js\"];\n\nconst UNDERSTOOD = new Set([\n\t\"llama.block_count\",\n\t\"llama.context_length\",\n\t\"llama.embedding_length\",\n\t\"llama.feed_forward_length\",\n\t\"llama.vocab_size\",\n\t\"llama.attention.head_count\",\n\t\"llama.attention.head_count_kv\",\n\t\"llama.attention.layer_norm_rms_epsilon\",\n\t\"llama.attention.key_length\",\n\t\"llama.attention.value_length\",\n\t\"llama.rope.freq_base\",\n\t\"llama.rope.dimension_count\",\n]);\nconst PLAIN_VALUES = {\n\t\"split.count\": 1,\n\t\"llama.expert_count\": 0,\n\t\"llama.expert_used_count\": 0,\n\t\"llama.rope.scaling.type\": \"none\",\n};\n\nfunction layoutOf({ layers, width, hidden, heads, keyHeads, headSize, vocabulary }) {\n\tconst layout = { token_embd: [vocabulary, width], output_norm: [1, width] };\n\tfor (let layer = 0; layer < layers; layer++) {\n\t\tconst parts = {\n\t\t\tattn_norm: [1, width],\n\t\t\tattn_q: [heads * headSize, width],\n\t\t\tattn_k: [keyHeads * headSize, width],\n\t\t\tattn_v: [keyHeads * headSize, width],\n\t\t\tattn_output: [width, heads * headSize],\n\t\t\tffn_norm: [1, width],\n\t\t\tffn_gate: [hidden, width],\n\t\t\tffn_up: [hidden, width],\n\t\t\tffn_down: [width, hidden],\n\t\t};\n\t\tfor (const [name, size] of Object.entries(parts)) layout[`blk.${layer}.${name}`] = size;\n\t}\n\treturn layout;\n}\n\nfunction checkSettings(settings) {\n\tconst architecture = settings[\"general.architecture\"];\n\tif (architecture !== \"llama\") {\n\t\tthrow new Error(`the architecture is ${architecture}; this page runs only llama`);\n\t}\n\tfor (const [key, value] of Object.entries(settings)) {\n\t\tif (key in PLAIN_VALUES) {\n\t\t\tif (value !== PLAIN_VALUES[key])\n\t\t\t\tthrow new Error(`${key} is ${value}; this page cannot run that`);\n\t\t} else if (/^(llama|split)\\./.test(key) && !UNDERSTOOD.has(key)) {\n\t\t\tthrow new Error(`the setting ${key} is not understood, and may change the numbers`);\n\t\t}\n\t}\n}\n\nfunction checkShape(settings, shape) {\n\tfor (const [name, value] of Object.entries(shape)) {\n\t\tconst wrong =\n\t\t\tname === \"epsilon\" || name === \"ropeBase\" ? !(value > 0) : !Number.isInteger(value);\n\t\tif (wrong || value <= 0)\n\t\t\tthrow new Error(`the header has no valid number for ${name}: ${value}`);\n\t}\n\tconst { heads, keyHeads, headSize } = shape;\n\tif (heads % keyHeads) throw new Error(`${heads} heads cannot share ${keyHeads} key heads`);\n\tif (headSize % 4)\n\t\tthrow new Error(`a head has ${headSize} numbers; this page needs a multiple of 4`);\n\tfor (const key of [\"llama.attention.value_length\", \"llama.rope.dimension_count\"]) {\n\t\tconst size = settings[key] ?? headSize;\n\t\tif (size !== headSize) throw new Error(`${key} is ${size}, but a head has ${headSize} numbers`);\n\t}\n}\n\nfunction checkTensor({ name, type, rows, columns }, [expectedRows, expectedColumns]) {\n\tif (rows !== expectedRows || columns !== expectedColumns) {\n\t\tthrow new Error(`${name} is ${rows} x ${columns}, not ${expectedRows} x ${expectedColumns}`);\n\t}\n\tconst unit = type === \"F32\" ? 4 : 32;\n\tif (columns % unit) throw new Error(`${name} has ${columns} columns, not a multiple of ${unit}`);\n}\n\nfunction checkModel(header) {\n\tconst { settings, tensors } = header;\n\tcheckSettings(settings);\n\tconst shape = readShape(header);\n\tcheckShape(settings, shape);\n\tconst layout = layoutOf(shape);\n\tif (tensors[\"output.weight\"]) layout.output = [shape.vocabulary, shape.width];\n\tfor (const [name, size] of Object.entries(layout)) {\n\t\tconst tensor = tensors[`${name}.weight`];\n\t\tif (!tensor) throw new Error(`the tensor ${name}.weight is missing`);\n\t\tcheckTensor(tensor, size);\n\t}\n\tfor (const name of Object.keys(tensors)) {\n\t\tif (!(name.replace(/\\.weight$/, \"\") in layout) || !name.endsWith(\".weight\")) {\n\t\t\tthrow new Error(`the tensor ${name} is not part of a plain Llama`);\n\t\t}\n\t}\n}\nreturn { checkModel };\n});\ndefine(\"live/gguf.js\", () => {\n\nconst MAGIC = 0x46554747; // \"GGUF\"\nconst TENSOR_TYPES = {\n\t0: { name: \"F32\", weights: 1, bytes: 4 },\n\t1: { name: \"F16\", weights: 1, bytes: 2 },\n\t2: { name: \"Q4_0\", weights: 32, bytes: 18 },\n\t3: { name: \"Q4_1\", weights: 32, bytes: 20 },\n\t8: { name: \"Q8_0\", weights: 32, bytes: 34 },\n};\nconst OTHER_TYPES = new Map([\n\t[6, \"Q5_0\"],\n\t[7, \"Q5_1\"],\n\t[10, \"Q2_K\"],\n\t[11, \"Q3_K\"],\n\t[12, \"Q4_K\"],\n\t[13, \"Q5_K\"],\n\t[14, \"Q6_K\"],\n\t[30, \"BF16\"],\n]);\n\nclass Reader {\n\tutf8 = new TextDecoder();\n\n\tconstructor(bytes) {\n\t\tthis.bytes = bytes;\n\t\tthis.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);\n\t\tthis.position = 0;\n\t}\n\n\tnumber(method, size) {\n\t\tthis.position += size;\n\t\treturn this.view[method](this.position - size, true);\n\t}\n\n\tuint32() {\n\t\treturn this.number(\"getUint32\", 4);\n\t}\n\n\tuint64() {\n\t\treturn Number(this.number(\"getBigUint64\", 8));\n\t}\n\n\ttext() {\n\t\tconst length = this.uint64();\n\t\tthis.position += length;\n\t\treturn this.utf8.decode(this.bytes.subarray(this.position - length, this.position));\n\t}\n\n\tarray() {\n\t\tconst type = this.uint32();\n\t\treturn Array.from({ length: this.uint64() }, () => this.value(type));\n\t}\n\n\tvalue(type) {\n\t\tconst readers = [\n\t\t\t() => this.number(\"getUint8\", 1),\n\t\t\t() => this.number(\"getInt8\", 1),\n\t\t\t() => this.number(\"getUint16\", 2),\n\t\t\t() => this.number(\"getInt16\", 2),\n\t\t\t() => this.uint32(),\n\t\t\t() => this.number(\"getInt32\", 4),\n\t\t\t() => this.number(\"getFloat32\", 4),\n\t\t\t() => Boolean(this.number(\"getUint8\", 1)),\n\t\t\t() => this.text(),\n\t\t\t() => this.array(),\n\t\t\t() => this.uint64(),\n\t\t\t() => Number(this.number(\"getBigInt64\", 8)),\n\t\t\t() => this.number(\"getFloat64\", 8),\n\t\t];\n\t\tif (!readers[type]) throw new Error(`the header has a value of unknown type ${type}`);\n\t\treturn readers[type]();\n\t}\n}\n\nfunction readTensor(reader) {\n\tconst name = reader.text();\n\tconst sizes = Array.from({ length: reader.uint32() }, () => reader.uint64());\n\tconst code = reader.uint32();\n\tconst type = TENSOR_TYPES[code];\n\tif (!type) {\n\t\tconst other = OTHER_TYPES.get(code) ?? `of type ${code}`;\n\t\tconst types = Object.values(TENSOR_TYPES).map((each) => each.name);\n\t\tthrow new Error(`${name} is ${other}; this page reads ${types.join(\", \")}`);\n\t}\n\tconst [columns, rows = 1] = sizes;\n\tif (sizes.length > 2) throw new Error(`${name} has ${sizes.length} dimensions`);\n\tconst stride = (columns / type.weights) * type.bytes; // bytes of a row\n\treturn { name, type: type.name, rows, columns, stride, offset: reader.uint64() };\n}\n\nfunction readHeader(bytes) {\n\tconst reader = new Reader(bytes);\n\tif (bytes.length < 24 || reader.uint32() !== MAGIC) throw new Error(\"this is not a GGUF file\");\n\tconst version = reader.uint32();\n\tif (version < 2 || version > 3) throw new Error(`this is version ${version} of GGUF, not 2 or 3`);\n\tconst tensorCount = reader.uint64();\n\tconst settingCount = reader.uint64();\n\tconst settings = {};\n\tfor (let i = 0; i < settingCount; i++) {\n\t\tconst key = reader.text();\n\t\tsettings[key] = reader.value(reader.uint32());\n\t}\n\tconst list = Array.from({ length: tensorCount }, () => readTensor(reader));\n\tconst alignment = settings[\"general.alignment\"] ?? 32;\n\tconst start = Math.ceil(reader.position / alignment) * alignment;\n\tconst tensors = {};\n\tfor (const tensor of list) {\n\t\ttensor.offset += start;\n\t\tif (tensor.offset + tensor.rows * tensor.stride > bytes.length) {\n\t\t\tthrow new Error(`the file ends within ${tensor.name}; it is incomplete`);\n\t\t}\n\t\ttensors[tensor.name] = tensor;\n\t}\n\treturn { settings, tensors };\n}\nreturn { readHeader };\n});\ndefine(\"live/wasm.js\", () => {\n\nconst WASM = [\n\t\"AGFzbQEAAAABGQRgAABgAAF/YAh/f39/f39/fwBgA39/fwACDwEDZW52Bm1lbW9yeQIAAgMNDAABAgMCAwIDAgMC\",\n\t\"AwYrB38BQYCIBAt/AEGAiAQLfwBBgAgLfwBBgAgLfwBBgAgLfwBBAAt/AEEBCwejAhIRX193YXNtX2NhbGxfY3Rv\",\n\t\"cnMAAAxtZW1vcnlfc3RhcnQAAQtfX2hlYXBfYmFzZQMBDG11bHRpcGx5X0YzMgACDnVucGFja19yb3dfRjMyAAMM\",\n\t\"bXVsdGlwbHlfRjE2AAQOdW5wYWNrX3Jvd19GMTYABQ1tdWx0aXBseV9RNF8wAAYPdW5wYWNrX3Jvd19RNF8wAAcN\",\n\t\"bXVsdGlwbHlfUTRfMQAID3VucGFja19yb3dfUTRfMQAJDW11bHRpcGx5X1E4XzAACg91bnBhY2tfcm93X1E4XzAA\",\n\t\"CwxfX2Rzb19oYW5kbGUDAgpfX2RhdGFfZW5kAwMNX19nbG9iYWxfYmFzZQMEDV9fbWVtb3J5X2Jhc2UDBQxfX3Rh\",\n\t\"YmxlX2Jhc2UDBgqvcAwCAAsIAEGAiISAAAvdDAQVfwd7AX8He0EAIQgCQCAEQQFxDQAgBiAGQQRvayEICwJAIARB\",\n\t\"AUgNACAFQQJ0IQkgBUEDdCEKIAVBBHQhCyAFQQxsIQwgA0F8aiENIAIgCCAFbEECdGohDkEAIQ8gBUEgSCEQIARB\",\n\t\"AWpBAnQhESAEQQF0IhJBAXJBAnQhEyAEQQNsIhRBAWpBAnQhFUEAIRYDQAJAIAhFDQAgBSAPQQFxbCEXQQAhGCAA\",\n\t\"IRkCQCAQDQAgByAXQQJ0aiEaQQAhG0EAIRwDQCAAIBtqIhj9AAAAIR0gGEEQav0AAAAhHiAYQSBq/QAAACEfIBhB\",\n\t\"MGr9AAAAISAgGEHAAGr9AAAAISEgGEHQAGr9AAAAISIgGEHgAGr9AAAAISMgGiAbaiIZQfAAaiAYQfAAav0AAAD9\",\n\t\"CwAAIBlB4ABqICP9CwAAIBlB0ABqICL9CwAAIBlBwABqICH9CwAAIBlBMGogIP0LAAAgGUEgaiAf/QsAACAZQRBq\",\n\t\"IB79CwAAIBkgHf0LAAAgG0GAAWohGyAcQcAAaiEZIBxBIGoiGCEcIBkgBUwNAAsgACAbaiEZCyAYIAVODQAgByAY\",\n\t\"IBdqQQJ0aiEbA0AgGyAZ/QAAAP0LAAAgG0EQaiEbIBlBEGohGSAYQQRqIhggBUgNAAsLAkAgCEEBSA0AIBZBAXFF\",\n\t\"DQAgDSAWQQJ0aiEkQQAhGiACIRcDQCAkIBogBGxBAnRqIRwCQAJAIAVBAU4NAP0MAAAAAAAAAAAAAAAAAAAAACIf\",\n\t\"ISAgHyEhIB8hIiAfISMgHyElIB8hJiAfIScMAQtBACEbIAchGSAXIRj9DAAAAAAAAAAAAAAAAAAAAAAiHyEgIB8h\",\n\t\"ISAfISIgHyEjIB8hJSAfISYgHyEnA0AgIyAZIAlq/QAAACIdIBggDGr9AAAAIij95gH95AEhIyAlIB0gGCAKav0A\",\n\t\"AAAiKf3mAf3kASElICYgHSAYIAlq/QAAACIq/eYB/eQBISYgIiAZ/QAAACIeIBj9AAAAIiv95gH95AEhIiAfIB4g\",\n\t\"KP3mAf3kASEfICAgHiAp/eYB/eQBISAgISAeICr95gH95AEhISAnIB0gK/3mAf3kASEnIBlBEGohGSAYQRBqIRgg\",\n\t\"G0EEaiIbIAVIDQALCyAcICf9HwAgJ/0fAZIgJ/0fAiAn/R8DkpI4AgQgHCAi/R8AICL9HwGSICL9HwIgIv0fA5KS\",\n\t\"OAIAIBwgBEECdGogIf0fACAh/R8BkiAh/R8CICH9HwOSkjgCACAcIBFqICb9HwAgJv0fAZIgJv0fAiAm/R8DkpI4\",\n\t\"AgAgHCATaiAl/R8AICX9HwGSICX9HwIgJf0fA5KSOAIAIBwgEkECdGogIP0fACAg/R8BkiAg/R8CICD9HwOSkjgC\",\n\t\"ACAcIBRBAnRqIB/9HwAgH/0fAZIgH/0fAiAf/R8DkpI4AgAgHCAVaiAj/R8AICP9HwGSICP9HwIgI/0fA5KSOAIA\",\n\t\"IBcgC2ohFyAaQQRqIhogCEgNAAsLIA4hGiAIIRcCQCAIIAZODQADQAJAAkAgEEUNAEEAIRggACEZ/QwAAAAAAAAA\",\n\t\"AAAAAAAAAAAAIh0hHgwBC0EAIRtBACEc/QwAAAAAAAAAAAAAAAAAAAAAIh4hHQNAIB0gACAbaiIY/QAAACAaIBtq\",\n\t\"Ihn9AAAA/eYB/eQBIBhBIGr9AAAAIBlBIGr9AAAA/eYB/eQBIBhBwABq/QAAACAZQcAAav0AAAD95gH95AEgGEHg\",\n\t\"AGr9AAAAIBlB4ABq/QAAAP3mAf3kASEdIB4gGEEQav0AAAAgGUEQav0AAAD95gH95AEgGEEwav0AAAAgGUEwav0A\",\n\t\"AAD95gH95AEgGEHQAGr9AAAAIBlB0ABq/QAAAP3mAf3kASAYQfAAav0AAAAgGUHwAGr9AAAA/eYB/eQBIR4gG0GA\",\n\t\"AWohGyAcQcAAaiEZIBxBIGoiGCEcIBkgBUwNAAsgACAbaiEZCwJAIBggBU4NACAaIBhBAnRqIRsDQCAdIBn9AAAA\",\n\t\"IBv9AAAA/eYB/eQBIR0gG0EQaiEbIBlBEGohGSAYQQRqIhggBUgNAAsLIAMgFyAEbCAWakECdGogHiAd/eQBIh39\",\n\t\"HwAgHf0fAZIgHf0fAiAd/R8DkpI4AgAgGiAJaiEaIBdBAWoiFyAGRw0ACwsgD0EBaiEPIAAgAWohACAWQQFqIhYg\",\n\t\"BEcNAAsLC70CAwN/B3sBf0EAIQMCQCACQSBIDQBBACEEQQAhBQNAIAAgBGoiA/0AAAAhBiADQRBq/QAAACEHIANB\",\n\t\"IGr9AAAAIQggA0Ewav0AAAAhCSADQcAAav0AAAAhCiADQdAAav0AAAAhCyADQeAAav0AAAAhDCABIARqIg1B8ABq\",\n\t\"IANB8ABq/QAAAP0LAAAgDUHgAGogDP0LAAAgDUHQAGogC/0LAAAgDUHAAGogCv0LAAAgDUEwaiAJ/QsAACANQSBq\",\n\t\"IAj9CwAAIA1BEGogB/0LAAAgDSAG/QsAACAEQYABaiEEIAVBwABqIQ0gBUEgaiIDIQUgDSACTA0ACyAAIARqIQAL\",\n\t\"AkAgAyACTg0AIAEgA0ECdGohDQNAIA0gAP0AAAD9CwAAIA1BEGohDSAAQRBqIQAgA0EEaiIDIAJIDQALCwvwFgQV\",\n\t\"fwt7An8De0EAIQgCQCAEQQFxDQAgBiAGQQRvayEICwJAIARBAUgNACAFQQJ0IQkgBUEDdCEKIAVBBHQhCyAFQQxs\",\n\t\"IQwgB0HwAGohDSADQXxqIQ4gAiAIIAVsQQJ0aiEPQQAhECAFQSBIIREgBEEBakECdCESIARBAXQiE0EBckECdCEU\",\n\t\"IARBA2wiFUEBakECdCEWQQAhFwNAAkAgCEUNACAFIBBBAXFsIRhBACEZIAAhGgJAIBENACANIBhBAnRqIRtBACEc\",\n\t\"IAAhGgNAIBpBCGr9XQAAIR0gGkEQav1dAAAhHiAaQRhq/V0AACEfIBpBIGr9XQAAISAgGkEoav1dAAAhISAaQTBq\",\n\t\"/V0AACEiIBpBOGr9XQAAISMgG0GQf2ogGv1dAAAiJCAl/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sAf0MAAAA\",\n\t\"gAAAAIAAAACAAAAAgCIl/U79DAAAAAAAAAAAAAAAAAAAAAAiJiAk/Qz/f/9//3//fwAAAAAAAAAAIif9Tv0NEBEC\",\n\t\"AxITBgcUFQoLFhcOD0EN/asB/QwAAIB3AACAdwAAgHcAAIB3IiT95gH9UP0LAAAgGyAjICX9DQABAAACAwAABAUA\",\n\t\"AAYHAABBEP2rAUEQ/awBICX9TiAmICMgJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q/QsAACAbQXBq\",\n\t\"ICIgJf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgIiAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2r\",\n\t\"ASAk/eYB/VD9CwAAIBtBYGogISAl/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sASAl/U4gJiAhICf9Tv0NEBEC\",\n\t\"AxITBgcUFQoLFhcOD0EN/asBICT95gH9UP0LAAAgG0FQaiAgICX9DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awB\",\n\t\"ICX9TiAmICAgJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q/QsAACAbQUBqIB8gJf0NAAEAAAIDAAAE\",\n\t\"BQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHyAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB/VD9CwAAIBtB\",\n\t\"sH9qIB4gJf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHiAn/U79DRARAgMSEwYHFBUKCxYXDg9B\",\n\t\"Df2rASAk/eYB/VD9CwAAIBtBoH9qIB0gJf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHSAn/U79\",\n\t\"DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB/VD9CwAAIBpBwABqIRogG0GAAWohGyAcQcAAaiEoIBxBIGoiGSEc\",\n\t\"ICggBUwNAAsLIBkgBU4NACAHIBkgGGpBAnRqIRsDQCAbIBr9AAAA/QsAACAbQRBqIRsgGkEQaiEaIBlBBGoiGSAF\",\n\t\"SA0ACwsCQCAIQQFIDQAgF0EBcUUNACAOIBdBAnRqISlBACEoIAIhGANAICkgKCAEbEECdGohHAJAAkAgBUEBTg0A\",\n\t\"/QwAAAAAAAAAAAAAAAAAAAAAIichJCAnIR0gJyEeICchHyAnISAgJyEhICchIgwBC0EAIRkgByEbIBghGv0MAAAA\",\n\t\"AAAAAAAAAAAAAAAAACInISQgJyEdICchHiAnIR8gJyEgICchISAnISIDQCAfIBsgCWr9AAAAIiUgGiAMav0AAAAi\",\n\t\"I/3mAf3kASEfICAgJSAaIApq/QAAACIq/eYB/eQBISAgISAlIBogCWr9AAAAIiv95gH95AEhISAeIBv9AAAAIiYg\",\n\t\"Gv0AAAAiLP3mAf3kASEeICcgJiAj/eYB/eQBIScgJCAmICr95gH95AEhJCAdICYgK/3mAf3kASEdICIgJSAs/eYB\",\n\t\"/eQBISIgG0EQaiEbIBpBEGohGiAZQQRqIhkgBUgNAAsLIBwgIv0fACAi/R8BkiAi/R8CICL9HwOSkjgCBCAcIB79\",\n\t\"HwAgHv0fAZIgHv0fAiAe/R8DkpI4AgAgHCAEQQJ0aiAd/R8AIB39HwGSIB39HwIgHf0fA5KSOAIAIBwgEmogIf0f\",\n\t\"ACAh/R8BkiAh/R8CICH9HwOSkjgCACAcIBRqICD9HwAgIP0fAZIgIP0fAiAg/R8DkpI4AgAgHCATQQJ0aiAk/R8A\",\n\t\"ICT9HwGSICT9HwIgJP0fA5KSOAIAIBwgFUECdGogJ/0fACAn/R8BkiAn/R8CICf9HwOSkjgCACAcIBZqIB/9HwAg\",\n\t\"H/0fAZIgH/0fAiAf/R8DkpI4AgAgGCALaiEYIChBBGoiKCAISA0ACwsgDyEpIAghGAJAIAggBk4NAANAAkACQCAR\",\n\t\"RQ0AQQAhGSAAIRr9DAAAAAAAAAAAAAAAAAAAAAAiHSEeDAELQQAhHCApIRv9DAAAAAAAAAAAAAAAAAAAAAAiHiEd\",\n\t\"IAAhGgNAIB0gG/0AAAAgGv1dAAAiJCAl/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sAf0MAAAAgAAAAIAAAACA\",\n\t\"AAAAgCIl/U79DAAAAAAAAAAAAAAAAAAAAAAiJiAk/Qz/f/9//3//fwAAAAAAAAAAIif9Tv0NEBECAxITBgcUFQoL\",\n\t\"FhcOD0EN/asB/QwAAIB3AACAdwAAgHcAAIB3IiT95gH9UP3mAf3kASAbQSBq/QAAACAaQRBq/V0AACIdICX9DQAB\",\n\t\"AAACAwAABAUAAAYHAABBEP2rAUEQ/awBICX9TiAmIB0gJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q\",\n\t\"/eYB/eQBIBtBwABq/QAAACAaQSBq/V0AACIdICX9DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awBICX9TiAmIB0g\",\n\t\"J/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q/eYB/eQBIBtB4ABq/QAAACAaQTBq/V0AACIdICX9DQAB\",\n\t\"AAACAwAABAUAAAYHAABBEP2rAUEQ/awBICX9TiAmIB0gJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q\",\n\t\"/eYB/eQBIR0gHiAbQRBq/QAAACAaQQhq/V0AACIfICX9DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awBICX9TiAm\",\n\t\"IB8gJ/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgJP3mAf1Q/eYB/eQBIBtBMGr9AAAAIBpBGGr9XQAAIh4gJf0N\",\n\t\"AAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHiAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB\",\n\t\"/VD95gH95AEgG0HQAGr9AAAAIBpBKGr9XQAAIh4gJf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYg\",\n\t\"HiAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB/VD95gH95AEgG0HwAGr9AAAAIBpBOGr9XQAAIh4gJf0N\",\n\t\"AAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgJf1OICYgHiAn/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAk/eYB\",\n\t\"/VD95gH95AEhHiAaQcAAaiEaIBtBgAFqIRsgHEHAAGohKCAcQSBqIhkhHCAoIAVMDQALCwJAIBkgBU4NACApIBlB\",\n\t\"AnRqIRsDQCAdIBr9AAAAIBv9AAAA/eYB/eQBIR0gG0EQaiEbIBpBEGohGiAZQQRqIhkgBUgNAAsLIAMgGCAEbCAX\",\n\t\"akECdGogHiAd/eQBIiX9HwAgJf0fAZIgJf0fAiAl/R8DkpI4AgAgKSAJaiEpIBhBAWoiGCAGRw0ACwsgEEEBaiEQ\",\n\t\"IAAgAWohACAXQQFqIhcgBEcNAAsLC70HAwN/C3sBf0EAIQMCQCACQSBIDQAgAUHwAGohBEEAIQUDQCAAQQhq/V0A\",\n\t\"ACEGIABBEGr9XQAAIQcgAEEYav1dAAAhCCAAQSBq/V0AACEJIABBKGr9XQAAIQogAEEwav1dAAAhCyAAQThq/V0A\",\n\t\"ACEMIARBkH9qIAD9XQAAIg0gDv0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAH9DAAAAIAAAACAAAAAgAAAAIAi\",\n\t\"Dv1O/QwAAAAAAAAAAAAAAAAAAAAAIg8gDf0M/3//f/9//38AAAAAAAAAACIQ/U79DRARAgMSEwYHFBUKCxYXDg9B\",\n\t\"Df2rAf0MAACAdwAAgHcAAIB3AACAdyIN/eYB/VD9CwAAIAQgDCAO/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2s\",\n\t\"ASAO/U4gDyAMIBD9Tv0NEBECAxITBgcUFQoLFhcOD0EN/asBIA395gH9UP0LAAAgBEFwaiALIA79DQABAAACAwAA\",\n\t\"BAUAAAYHAABBEP2rAUEQ/awBIA79TiAPIAsgEP1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgDf3mAf1Q/QsAACAE\",\n\t\"QWBqIAogDv0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgDv1OIA8gCiAQ/U79DRARAgMSEwYHFBUKCxYXDg9B\",\n\t\"Df2rASAN/eYB/VD9CwAAIARBUGogCSAO/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sASAO/U4gDyAJIBD9Tv0N\",\n\t\"EBECAxITBgcUFQoLFhcOD0EN/asBIA395gH9UP0LAAAgBEFAaiAIIA79DQABAAACAwAABAUAAAYHAABBEP2rAUEQ\",\n\t\"/awBIA79TiAPIAggEP1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgDf3mAf1Q/QsAACAEQbB/aiAHIA79DQABAAAC\",\n\t\"AwAABAUAAAYHAABBEP2rAUEQ/awBIA79TiAPIAcgEP1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgDf3mAf1Q/QsA\",\n\t\"ACAEQaB/aiAGIA79DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awBIA79TiAPIAYgEP1O/Q0QEQIDEhMGBxQVCgsW\",\n\t\"Fw4PQQ39qwEgDf3mAf1Q/QsAACAAQcAAaiEAIARBgAFqIQQgBUHAAGohESAFQSBqIgMhBSARIAJMDQALCwJAIAMg\",\n\t\"Ak4NACABIANBAnRqIQQDQCAEIAD9AAAA/QsAACAEQRBqIQQgAEEQaiEAIANBBGoiAyACSA0ACwsL1REFFH8BfQZ7\",\n\t\"An8Ie0EAIQgCQCAEQQFxDQAgBiAGQQRvayEICwJAIARBAUgNACAFQQJ0IQkgBUEDdCEKIAVBBHQhCyAFQQxsIQwg\",\n\t\"A0F8aiENIAIgCCAFbEECdGohDkEAIQ8gBUEgSCEQIARBAWpBAnQhESAEQQF0IhJBAXJBAnQhEyAEQQNsIhRBAWpB\",\n\t\"AnQhFUEAIRYDQAJAIAhFDQAgBSAPQQFxbCEXQQAhGCAAIRkCQCAQDQAgByAXQQJ0aiEaQQAhGyAAIRkDQCAaQfAA\",\n\t\"aiAZQQFqLAAAIhhBgICAgHhxIBhBFXRBgICA/wBxIBktAABBDXRyvkMAAIB3lLxyviIcQwAAAMGU/RMiHSAcQwAA\",\n\t\"gDOU/RMiHv0MAAAAAAAAAAAAAAAAAAAAACIfIBlBAmr9AAAAIiBBBP2NAf0MDw8PDw8PDw8PDw8PDw8PDyIh/U4i\",\n\t\"Iv0NAAAAHAAAAB0AAAAeAAAAH/36Af3mAf3kAf0LAAAgGkHgAGogHSAeIB8gIv0NAAAAGAAAABkAAAAaAAAAG/36\",\n\t\"Af3mAf3kAf0LAAAgGkHQAGogHSAeIB8gIv0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf0LAAAgGkHAAGogHSAe\",\n\t\"IB8gIv0NAAAAEAAAABEAAAASAAAAE/36Af3mAf3kAf0LAAAgGkEwaiAdIB4gHyAgICH9TiIi/Q0AAAAcAAAAHQAA\",\n\t\"AB4AAAAf/foB/eYB/eQB/QsAACAaQSBqIB0gHiAfICL9DQAAABgAAAAZAAAAGgAAABv9+gH95gH95AH9CwAAIBpB\",\n\t\"EGogHSAeIB8gIv0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf0LAAAgGiAdIB4gHyAi/Q0AAAAQAAAAEQAAABIA\",\n\t\"AAAT/foB/eYB/eQB/QsAACAZQRJqIRkgGkGAAWohGiAbQcAAaiEjIBtBIGoiGCEbICMgBUwNAAsLIBggBU4NACAH\",\n\t\"IBggF2pBAnRqIRoDQCAaIBn9AAAA/QsAACAaQRBqIRogGUEQaiEZIBhBBGoiGCAFSA0ACwsCQCAIQQFIDQAgFkEB\",\n\t\"cUUNACANIBZBAnRqISRBACEjIAIhFwNAICQgIyAEbEECdGohGwJAAkAgBUEBTg0A/QwAAAAAAAAAAAAAAAAAAAAA\",\n\t\"Ih8hIiAfISAgHyEhIB8hJSAfISYgHyEnIB8hKAwBC0EAIRggByEZIBchGv0MAAAAAAAAAAAAAAAAAAAAACIfISIg\",\n\t\"HyEgIB8hISAfISUgHyEmIB8hJyAfISgDQCAlIBkgCWr9AAAAIh0gGiAMav0AAAAiKf3mAf3kASElICYgHSAaIApq\",\n\t\"/QAAACIq/eYB/eQBISYgJyAdIBogCWr9AAAAIiv95gH95AEhJyAhIBn9AAAAIh4gGv0AAAAiLP3mAf3kASEhIB8g\",\n\t\"HiAp/eYB/eQBIR8gIiAeICr95gH95AEhIiAgIB4gK/3mAf3kASEgICggHSAs/eYB/eQBISggGUEQaiEZIBpBEGoh\",\n\t\"GiAYQQRqIhggBUgNAAsLIBsgKP0fACAo/R8BkiAo/R8CICj9HwOSkjgCBCAbICH9HwAgIf0fAZIgIf0fAiAh/R8D\",\n\t\"kpI4AgAgGyAEQQJ0aiAg/R8AICD9HwGSICD9HwIgIP0fA5KSOAIAIBsgEWogJ/0fACAn/R8BkiAn/R8CICf9HwOS\",\n\t\"kjgCACAbIBNqICb9HwAgJv0fAZIgJv0fAiAm/R8DkpI4AgAgGyASQQJ0aiAi/R8AICL9HwGSICL9HwIgIv0fA5KS\",\n\t\"OAIAIBsgFEECdGogH/0fACAf/R8BkiAf/R8CIB/9HwOSkjgCACAbIBVqICX9HwAgJf0fAZIgJf0fAiAl/R8DkpI4\",\n\t\"AgAgFyALaiEXICNBBGoiIyAISA0ACwsgDiEkIAghFwJAIAggBk4NAANAAkACQCAQRQ0AQQAhGCAAIRn9DAAAAAAA\",\n\t\"AAAAAAAAAAAAAAAiIiElDAELQQAhGyAkIRr9DAAAAAAAAAAAAAAAAAAAAAAiJSEiIAAhGQNAIBpB8ABq/QAAACAZ\",\n\t\"QQFqLAAAIhhBgICAgHhxIBhBFXRBgICA/wBxIBktAABBDXRyvkMAAIB3lLxyviIcQwAAAMGU/RMiHSAcQwAAgDOU\",\n\t\"/RMiHv0MAAAAAAAAAAAAAAAAAAAAACIfIBlBAmr9AAAAIiFBBP2NAf0MDw8PDw8PDw8PDw8PDw8PDyIm/U4iIP0N\",\n\t\"AAAAHAAAAB0AAAAeAAAAH/36Af3mAf3kAf3mASAaQdAAav0AAAAgHSAeIB8gIP0NAAAAFAAAABUAAAAWAAAAF/36\",\n\t\"Af3mAf3kAf3mASAaQTBq/QAAACAdIB4gHyAhICb9TiIh/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/eQB/eYBICUg\",\n\t\"GkEQav0AAAAgHSAeIB8gIf0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf3mAf3kAf3kAf3kAf3kASElIBpB4ABq\",\n\t\"/QAAACAdIB4gHyAg/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/eQB/eYBIBpBwABq/QAAACAdIB4gHyAg/Q0AAAAQ\",\n\t\"AAAAEQAAABIAAAAT/foB/eYB/eQB/eYBIBpBIGr9AAAAIB0gHiAfICH9DQAAABgAAAAZAAAAGgAAABv9+gH95gH9\",\n\t\"5AH95gEgIiAa/QAAACAdIB4gHyAh/Q0AAAAQAAAAEQAAABIAAAAT/foB/eYB/eQB/eYB/eQB/eQB/eQB/eQBISIg\",\n\t\"GUESaiEZIBpBgAFqIRogG0HAAGohIyAbQSBqIhghGyAjIAVMDQALCwJAIBggBU4NACAkIBhBAnRqIRoDQCAiIBn9\",\n\t\"AAAAIBr9AAAA/eYB/eQBISIgGkEQaiEaIBlBEGohGSAYQQRqIhggBUgNAAsLIAMgFyAEbCAWakECdGogJSAi/eQB\",\n\t\"Ih39HwAgHf0fAZIgHf0fAiAd/R8DkpI4AgAgJCAJaiEkIBdBAWoiFyAGRw0ACwsgD0EBaiEPIAAgAWohACAWQQFq\",\n\t\"IhYgBEcNAAsLC+oEBAN/AX0GewF/QQAhAwJAIAJBIEgNAEEAIQQgASEFA0AgBUHwAGogAEEBaiwAACIDQYCAgIB4\",\n\t\"cSADQRV0QYCAgP8AcSAALQAAQQ10cr5DAACAd5S8cr4iBkMAAADBlP0TIgcgBkMAAIAzlP0TIgj9DAAAAAAAAAAA\",\n\t\"AAAAAAAAAAAiCSAAQQJq/QAAACIKQQT9jQH9DA8PDw8PDw8PDw8PDw8PDw8iC/1OIgz9DQAAABwAAAAdAAAAHgAA\",\n\t\"AB/9+gH95gH95AH9CwAAIAVB4ABqIAcgCCAJIAz9DQAAABgAAAAZAAAAGgAAABv9+gH95gH95AH9CwAAIAVB0ABq\",\n\t\"IAcgCCAJIAz9DQAAABQAAAAVAAAAFgAAABf9+gH95gH95AH9CwAAIAVBwABqIAcgCCAJIAz9DQAAABAAAAARAAAA\",\n\t\"EgAAABP9+gH95gH95AH9CwAAIAVBMGogByAIIAkgCiAL/U4iDP0NAAAAHAAAAB0AAAAeAAAAH/36Af3mAf3kAf0L\",\n\t\"AAAgBUEgaiAHIAggCSAM/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/eQB/QsAACAFQRBqIAcgCCAJIAz9DQAAABQA\",\n\t\"AAAVAAAAFgAAABf9+gH95gH95AH9CwAAIAUgByAIIAkgDP0NAAAAEAAAABEAAAASAAAAE/36Af3mAf3kAf0LAAAg\",\n\t\"AEESaiEAIAVBgAFqIQUgBEHAAGohDSAEQSBqIgMhBCANIAJMDQALCwJAIAMgAk4NACABIANBAnRqIQUDQCAFIAD9\",\n\t\"AAAA/QsAACAFQRBqIQUgAEEQaiEAIANBBGoiAyACSA0ACwsLoxIEFH8GewJ/CHtBACEIAkAgBEEBcQ0AIAYgBkEE\",\n\t\"b2shCAsCQCAEQQFIDQAgBUECdCEJIAVBA3QhCiAFQQR0IQsgBUEMbCEMIANBfGohDSACIAggBWxBAnRqIQ5BACEP\",\n\t\"IAVBIEghECAEQQFqQQJ0IREgBEEBdCISQQFyQQJ0IRMgBEEDbCIUQQFqQQJ0IRVBACEWA0ACQCAIRQ0AIAUgD0EB\",\n\t\"cWwhF0EAIRggACEZAkAgEA0AIAcgF0ECdGohGkEAIRsgACEZA0AgGkHwAGogGUEDaiwAACIYQYCAgIB4cSAYQRV0\",\n\t\"QYCAgP8AcSAZQQJqLQAAQQ10cr5DAACAd5S8cv0RIhwgGUEBaiwAACIYQYCAgIB4cSAYQRV0QYCAgP8AcSAZLQAA\",\n\t\"QQ10cr5DAACAd5S8cr5DAACAM5T9EyId/QwAAAAAAAAAAAAAAAAAAAAAIh4gGUEEav0AAAAiH0EE/Y0B/QwPDw8P\",\n\t\"Dw8PDw8PDw8PDw8PIiD9TiIh/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/eQB/QsAACAaQeAAaiAcIB0gHiAh/Q0A\",\n\t\"AAAYAAAAGQAAABoAAAAb/foB/eYB/eQB/QsAACAaQdAAaiAcIB0gHiAh/Q0AAAAUAAAAFQAAABYAAAAX/foB/eYB\",\n\t\"/eQB/QsAACAaQcAAaiAcIB0gHiAh/Q0AAAAQAAAAEQAAABIAAAAT/foB/eYB/eQB/QsAACAaQTBqIBwgHSAeIB8g\",\n\t\"IP1OIiH9DQAAABwAAAAdAAAAHgAAAB/9+gH95gH95AH9CwAAIBpBIGogHCAdIB4gIf0NAAAAGAAAABkAAAAaAAAA\",\n\t\"G/36Af3mAf3kAf0LAAAgGkEQaiAcIB0gHiAh/Q0AAAAUAAAAFQAAABYAAAAX/foB/eYB/eQB/QsAACAaIBwgHSAe\",\n\t\"ICH9DQAAABAAAAARAAAAEgAAABP9+gH95gH95AH9CwAAIBlBFGohGSAaQYABaiEaIBtBwABqISIgG0EgaiIYIRsg\",\n\t\"IiAFTA0ACwsgGCAFTg0AIAcgGCAXakECdGohGgNAIBogGf0AAAD9CwAAIBpBEGohGiAZQRBqIRkgGEEEaiIYIAVI\",\n\t\"DQALCwJAIAhBAUgNACAWQQFxRQ0AIA0gFkECdGohI0EAISIgAiEXA0AgIyAiIARsQQJ0aiEbAkACQCAFQQFODQD9\",\n\t\"DAAAAAAAAAAAAAAAAAAAAAAiHiEhIB4hHyAeISAgHiEkIB4hJSAeISYgHiEnDAELQQAhGCAHIRogFyEZ/QwAAAAA\",\n\t\"AAAAAAAAAAAAAAAAIh4hISAeIR8gHiEgIB4hJCAeISUgHiEmIB4hJwNAICQgGiAJav0AAAAiHCAZIAxq/QAAACIo\",\n\t\"/eYB/eQBISQgJSAcIBkgCmr9AAAAIin95gH95AEhJSAmIBwgGSAJav0AAAAiKv3mAf3kASEmICAgGv0AAAAiHSAZ\",\n\t\"/QAAACIr/eYB/eQBISAgHiAdICj95gH95AEhHiAhIB0gKf3mAf3kASEhIB8gHSAq/eYB/eQBIR8gJyAcICv95gH9\",\n\t\"5AEhJyAaQRBqIRogGUEQaiEZIBhBBGoiGCAFSA0ACwsgGyAn/R8AICf9HwGSICf9HwIgJ/0fA5KSOAIEIBsgIP0f\",\n\t\"ACAg/R8BkiAg/R8CICD9HwOSkjgCACAbIARBAnRqIB/9HwAgH/0fAZIgH/0fAiAf/R8DkpI4AgAgGyARaiAm/R8A\",\n\t\"ICb9HwGSICb9HwIgJv0fA5KSOAIAIBsgE2ogJf0fACAl/R8BkiAl/R8CICX9HwOSkjgCACAbIBJBAnRqICH9HwAg\",\n\t\"If0fAZIgIf0fAiAh/R8DkpI4AgAgGyAUQQJ0aiAe/R8AIB79HwGSIB79HwIgHv0fA5KSOAIAIBsgFWogJP0fACAk\",\n\t\"/R8BkiAk/R8CICT9HwOSkjgCACAXIAtqIRcgIkEEaiIiIAhIDQALCyAOISMgCCEXAkAgCCAGTg0AA0ACQAJAIBBF\",\n\t\"DQBBACEYIAAhGf0MAAAAAAAAAAAAAAAAAAAAACIhISQMAQtBACEbICMhGv0MAAAAAAAAAAAAAAAAAAAAACIkISEg\",\n\t\"ACEZA0AgGkHwAGr9AAAAIBlBA2osAAAiGEGAgICAeHEgGEEVdEGAgID/AHEgGUECai0AAEENdHK+QwAAgHeUvHL9\",\n\t\"ESIcIBlBAWosAAAiGEGAgICAeHEgGEEVdEGAgID/AHEgGS0AAEENdHK+QwAAgHeUvHK+QwAAgDOU/RMiHf0MAAAA\",\n\t\"AAAAAAAAAAAAAAAAACIeIBlBBGr9AAAAIiBBBP2NAf0MDw8PDw8PDw8PDw8PDw8PDyIl/U4iH/0NAAAAHAAAAB0A\",\n\t\"AAAeAAAAH/36Af3mAf3kAf3mASAaQdAAav0AAAAgHCAdIB4gH/0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf3m\",\n\t\"ASAaQTBq/QAAACAcIB0gHiAgICX9TiIg/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/eQB/eYBICQgGkEQav0AAAAg\",\n\t\"HCAdIB4gIP0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf3mAf3kAf3kAf3kAf3kASEkIBpB4ABq/QAAACAcIB0g\",\n\t\"HiAf/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/eQB/eYBIBpBwABq/QAAACAcIB0gHiAf/Q0AAAAQAAAAEQAAABIA\",\n\t\"AAAT/foB/eYB/eQB/eYBIBpBIGr9AAAAIBwgHSAeICD9DQAAABgAAAAZAAAAGgAAABv9+gH95gH95AH95gEgISAa\",\n\t\"/QAAACAcIB0gHiAg/Q0AAAAQAAAAEQAAABIAAAAT/foB/eYB/eQB/eYB/eQB/eQB/eQB/eQBISEgGUEUaiEZIBpB\",\n\t\"gAFqIRogG0HAAGohIiAbQSBqIhghGyAiIAVMDQALCwJAIBggBU4NACAjIBhBAnRqIRoDQCAhIBn9AAAAIBr9AAAA\",\n\t\"/eYB/eQBISEgGkEQaiEaIBlBEGohGSAYQQRqIhggBUgNAAsLIAMgFyAEbCAWakECdGogJCAh/eQBIhz9HwAgHP0f\",\n\t\"AZIgHP0fAiAc/R8DkpI4AgAgIyAJaiEjIBdBAWoiFyAGRw0ACwsgD0EBaiEPIAAgAWohACAWQQFqIhYgBEcNAAsL\",\n\t\"C5AFAwN/BnsBf0EAIQMCQCACQSBIDQBBACEEIAEhBQNAIAVB8ABqIABBA2osAAAiA0GAgICAeHEgA0EVdEGAgID/\",\n\t\"AHEgAEECai0AAEENdHK+QwAAgHeUvHL9ESIGIABBAWosAAAiA0GAgICAeHEgA0EVdEGAgID/AHEgAC0AAEENdHK+\",\n\t\"QwAAgHeUvHK+QwAAgDOU/RMiB/0MAAAAAAAAAAAAAAAAAAAAACIIIABBBGr9AAAAIglBBP2NAf0MDw8PDw8PDw8P\",\n\t\"Dw8PDw8PDyIK/U4iC/0NAAAAHAAAAB0AAAAeAAAAH/36Af3mAf3kAf0LAAAgBUHgAGogBiAHIAggC/0NAAAAGAAA\",\n\t\"ABkAAAAaAAAAG/36Af3mAf3kAf0LAAAgBUHQAGogBiAHIAggC/0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf0L\",\n\t\"AAAgBUHAAGogBiAHIAggC/0NAAAAEAAAABEAAAASAAAAE/36Af3mAf3kAf0LAAAgBUEwaiAGIAcgCCAJIAr9TiIL\",\n\t\"/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/eQB/QsAACAFQSBqIAYgByAIIAv9DQAAABgAAAAZAAAAGgAAABv9+gH9\",\n\t\"5gH95AH9CwAAIAVBEGogBiAHIAggC/0NAAAAFAAAABUAAAAWAAAAF/36Af3mAf3kAf0LAAAgBSAGIAcgCCAL/Q0A\",\n\t\"AAAQAAAAEQAAABIAAAAT/foB/eYB/eQB/QsAACAAQRRqIQAgBUGAAWohBSAEQcAAaiEMIARBIGoiAyEEIAwgAkwN\",\n\t\"AAsLAkAgAyACTg0AIAEgA0ECdGohBQNAIAUgAP0AAAD9CwAAIAVBEGohBSAAQRBqIQAgA0EEaiIDIAJIDQALCwu5\",\n\t\"EAQUfwR7An8Ke0EAIQgCQCAEQQFxDQAgBiAGQQRvayEICwJAIARBAUgNACAFQQJ0IQkgBUEDdCEKIAVBBHQhCyAF\",\n\t\"QQxsIQwgA0F8aiENIAIgCCAFbEECdGohDkEAIQ8gBUEgSCEQIARBAWpBAnQhESAEQQF0IhJBAXJBAnQhEyAEQQNs\",\n\t\"IhRBAWpBAnQhFUEAIRYDQAJAIAhFDQAgBSAPQQFxbCEXQQAhGCAAIRkCQCAQDQAgByAXQQJ0aiEaQQAhGyAAIRkD\",\n\t\"QCAZQQJq/QAAACEcIBpB8ABqIBlBAWosAAAiGEGAgICAeHEgGEEVdEGAgID/AHEgGS0AAEENdHK+QwAAgHeUvHK+\",\n\t\"QwAAgDOU/RMiHf0MAAAAAAAAAAAAAAAAAAAAACIeIBlBEmr9AAAAIh/9DQAAABwAAAAdAAAAHgAAAB/9+gH95gH9\",\n\t\"CwAAIBpB4ABqIB0gHiAf/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/QsAACAaQdAAaiAdIB4gH/0NAAAAFAAAABUA\",\n\t\"AAAWAAAAF/36Af3mAf0LAAAgGkHAAGogHSAeIB/9DQAAABAAAAARAAAAEgAAABP9+gH95gH9CwAAIBpBMGogHSAe\",\n\t\"IBz9DQAAABwAAAAdAAAAHgAAAB/9+gH95gH9CwAAIBpBIGogHSAeIBz9DQAAABgAAAAZAAAAGgAAABv9+gH95gH9\",\n\t\"CwAAIBpBEGogHSAeIBz9DQAAABQAAAAVAAAAFgAAABf9+gH95gH9CwAAIBogHSAeIBz9DQAAABAAAAARAAAAEgAA\",\n\t\"ABP9+gH95gH9CwAAIBlBImohGSAaQYABaiEaIBtBwABqISAgG0EgaiIYIRsgICAFTA0ACwsgGCAFTg0AIAcgGCAX\",\n\t\"akECdGohGgNAIBogGf0AAAD9CwAAIBpBEGohGiAZQRBqIRkgGEEEaiIYIAVIDQALCwJAIAhBAUgNACAWQQFxRQ0A\",\n\t\"IA0gFkECdGohIUEAISAgAiEXA0AgISAgIARsQQJ0aiEbAkACQCAFQQFODQD9DAAAAAAAAAAAAAAAAAAAAAAiHCEf\",\n\t\"IBwhIiAcISMgHCEkIBwhJSAcISYgHCEnDAELQQAhGCAHIRkgFyEa/QwAAAAAAAAAAAAAAAAAAAAAIhwhHyAcISIg\",\n\t\"HCEjIBwhJCAcISUgHCEmIBwhJwNAICQgGSAJav0AAAAiHSAaIAxq/QAAACIo/eYB/eQBISQgJSAdIBogCmr9AAAA\",\n\t\"Iin95gH95AEhJSAmIB0gGiAJav0AAAAiKv3mAf3kASEmICMgGf0AAAAiHiAa/QAAACIr/eYB/eQBISMgHCAeICj9\",\n\t\"5gH95AEhHCAfIB4gKf3mAf3kASEfICIgHiAq/eYB/eQBISIgJyAdICv95gH95AEhJyAZQRBqIRkgGkEQaiEaIBhB\",\n\t\"BGoiGCAFSA0ACwsgGyAn/R8AICf9HwGSICf9HwIgJ/0fA5KSOAIEIBsgI/0fACAj/R8BkiAj/R8CICP9HwOSkjgC\",\n\t\"ACAbIARBAnRqICL9HwAgIv0fAZIgIv0fAiAi/R8DkpI4AgAgGyARaiAm/R8AICb9HwGSICb9HwIgJv0fA5KSOAIA\",\n\t\"IBsgE2ogJf0fACAl/R8BkiAl/R8CICX9HwOSkjgCACAbIBJBAnRqIB/9HwAgH/0fAZIgH/0fAiAf/R8DkpI4AgAg\",\n\t\"GyAUQQJ0aiAc/R8AIBz9HwGSIBz9HwIgHP0fA5KSOAIAIBsgFWogJP0fACAk/R8BkiAk/R8CICT9HwOSkjgCACAX\",\n\t\"IAtqIRcgIEEEaiIgIAhIDQALCyAOISEgCCEXAkAgCCAGTg0AA0ACQAJAIBBFDQBBACEYIAAhGf0MAAAAAAAAAAAA\",\n\t\"AAAAAAAAACIcISMMAQtBACEbICEhGv0MAAAAAAAAAAAAAAAAAAAAACIjIRwgACEZA0AgGkHwAGr9AAAAIBlBAWos\",\n\t\"AAAiGEGAgICAeHEgGEEVdEGAgID/AHEgGS0AAEENdHK+QwAAgHeUvHK+QwAAgDOU/RMiHf0MAAAAAAAAAAAAAAAA\",\n\t\"AAAAACIeIBlBEmr9AAAAIh/9DQAAABwAAAAdAAAAHgAAAB/9+gH95gH95gEgGkHQAGr9AAAAIB0gHiAf/Q0AAAAU\",\n\t\"AAAAFQAAABYAAAAX/foB/eYB/eYBIBpBMGr9AAAAIB0gHiAZQQJq/QAAACIi/Q0AAAAcAAAAHQAAAB4AAAAf/foB\",\n\t\"/eYB/eYBICMgGkEQav0AAAAgHSAeICL9DQAAABQAAAAVAAAAFgAAABf9+gH95gH95gH95AH95AH95AH95AEhIyAa\",\n\t\"QeAAav0AAAAgHSAeIB/9DQAAABgAAAAZAAAAGgAAABv9+gH95gH95gEgGkHAAGr9AAAAIB0gHiAf/Q0AAAAQAAAA\",\n\t\"EQAAABIAAAAT/foB/eYB/eYBIBpBIGr9AAAAIB0gHiAi/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/eYBIBwgGv0A\",\n\t\"AAAgHSAeICL9DQAAABAAAAARAAAAEgAAABP9+gH95gH95gH95AH95AH95AH95AEhHCAZQSJqIRkgGkGAAWohGiAb\",\n\t\"QcAAaiEgIBtBIGoiGCEbICAgBUwNAAsLAkAgGCAFTg0AICEgGEECdGohGgNAIBwgGf0AAAAgGv0AAAD95gH95AEh\",\n\t\"HCAaQRBqIRogGUEQaiEZIBhBBGoiGCAFSA0ACwsgAyAXIARsIBZqQQJ0aiAjIBz95AEiHf0fACAd/R8BkiAd/R8C\",\n\t\"IB39HwOSkjgCACAhIAlqISEgF0EBaiIXIAZHDQALCyAPQQFqIQ8gACABaiEAIBZBAWoiFiAERw0ACwsLnAQDA38E\",\n\t\"ewF/QQAhAwJAIAJBIEgNAEEAIQQgASEFA0AgAEECav0AAAAhBiAFQfAAaiAAQQFqLAAAIgNBgICAgHhxIANBFXRB\",\n\t\"gICA/wBxIAAtAABBDXRyvkMAAIB3lLxyvkMAAIAzlP0TIgf9DAAAAAAAAAAAAAAAAAAAAAAiCCAAQRJq/QAAACIJ\",\n\t\"/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/QsAACAFQeAAaiAHIAggCf0NAAAAGAAAABkAAAAaAAAAG/36Af3mAf0L\",\n\t\"AAAgBUHQAGogByAIIAn9DQAAABQAAAAVAAAAFgAAABf9+gH95gH9CwAAIAVBwABqIAcgCCAJ/Q0AAAAQAAAAEQAA\",\n\t\"ABIAAAAT/foB/eYB/QsAACAFQTBqIAcgCCAG/Q0AAAAcAAAAHQAAAB4AAAAf/foB/eYB/QsAACAFQSBqIAcgCCAG\",\n\t\"/Q0AAAAYAAAAGQAAABoAAAAb/foB/eYB/QsAACAFQRBqIAcgCCAG/Q0AAAAUAAAAFQAAABYAAAAX/foB/eYB/QsA\",\n\t\"ACAFIAcgCCAG/Q0AAAAQAAAAEQAAABIAAAAT/foB/eYB/QsAACAAQSJqIQAgBUGAAWohBSAEQcAAaiEKIARBIGoi\",\n\t\"AyEEIAogAkwNAAsLAkAgAyACTg0AIAEgA0ECdGohBQNAIAUgAP0AAAD9CwAAIAVBEGohBSAAQRBqIQAgA0EEaiID\",\n\t\"IAJIDQALCws=\",\n].join(\"\");\nreturn { WASM };\n});\ndefine(\"live/matrices.js\", () => {\n\nconst { WASM } = modules[\"live/wasm.js\"];\n\nconst PAGE = 65536; // bytes by which the memory of WebAssembly grows\nconst BLOCK = 32;\n\nfunction decodeBase64(text) {\n\tif (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);\n\treturn Uint8Array.from(atob(text), (char) => char.charCodeAt(0));\n}\n\nconst roundUp = (number, unit) => Math.ceil(number / unit) * unit;\n\nclass Matrices {\n\tstatic async create({ plain = false } = {}) {\n\t\tif (plain || !globalThis.WebAssembly) return new PlainMatrices();\n\t\tconst memory = new WebAssembly.Memory({ initial: 2 });\n\t\ttry {\n\t\t\tconst { instance } = await WebAssembly.instantiate(decodeBase64(WASM), { env: { memory } });\n\t\t\treturn new WasmMatrices(memory, instance.exports);\n\t\t} catch {\n\t\t\treturn new PlainMatrices(); // no SIMD, or a policy against it\n\t\t}\n\t}\n\n\tzeros(rows, columns) {\n\t\tconst offset = this.reserve(4 * rows * columns);\n\t\tthis.floats(offset, rows * columns).fill(0);\n\t\treturn { type: \"F32\", rows, columns, stride: 4 * columns, offset };\n\t}\n\n\tview({ offset, rows, columns }) {\n\t\treturn this.floats(offset, rows * columns);\n\t}\n\n\tbytes(offset, length) {\n\t\treturn new Uint8Array(this.buffer, offset, length);\n\t}\n\n\tfloats(offset, length) {\n\t\treturn new Float32Array(this.buffer, offset, length);\n\t}\n}\n\nclass WasmMatrices extends Matrices {\n\tscratch = { offset: 0, size: 0 };\n\n\tconstructor(memory, functions) {\n\t\tsuper();\n\t\tthis.memory = memory;\n\t\tthis.functions = functions;\n\t\tthis.end = roundUp(functions.memory_start(), 64);\n\t}\n\n\tget buffer() {\n\t\treturn this.memory.buffer;\n\t}\n\n\treserve(size) {\n\t\tconst offset = this.end;\n\t\tthis.end = roundUp(offset + size, 64);\n\t\tconst missing = this.end - this.buffer.byteLength;\n\t\ttry {\n\t\t\tif (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));\n\t\t} catch {\n\t\t\tthrow new Error(\"there is not enough memory for it\");\n\t\t}\n\t\treturn offset;\n\t}\n\n\tscratchFor(size) {\n\t\tif (size > this.scratch.size) this.scratch = { offset: this.reserve(size), size };\n\t\treturn this.scratch.offset;\n\t}\n\n\tmultiply({ type, rows, columns, stride, offset }, x, n) {\n\t\tconst input = this.scratchFor(4 * (n * (columns + rows) + 2 * columns));\n\t\tconst output = input + 4 * n * columns;\n\t\tthis.floats(input, n * columns).set(x);\n\t\tconst room = output + 4 * n * rows;\n\t\tconst multiply = this.functions[`multiply_${type}`];\n\t\tmultiply(offset, stride, input, output, rows, columns, n, room);\n\t\treturn this.floats(output, n * rows).slice();\n\t}\n\n\trow({ type, columns, stride, offset }, index) {\n\t\tif (type === \"F32\") return this.floats(offset + index * stride, columns).slice();\n\t\tconst output = this.scratchFor(4 * columns);\n\t\tthis.functions[`unpack_row_${type}`](offset + index * stride, output, columns);\n\t\treturn this.floats(output, columns).slice();\n\t}\n}\n\nfunction half(view, offset) {\n\tconst bits = view.getUint16(offset, true);\n\tconst exponent = (bits >> 10) & 31;\n\tconst fraction = bits & 1023;\n\tconst size = exponent\n\t\t? (1 + fraction / 1024) * 2 ** (exponent - 15)\n\t\t: (fraction / 1024) * 2 ** -14;\n\treturn bits & 0x8000 ? -size : size;\n}\n\nconst nibble = (view, offset, i) => (view.getUint8(offset + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;\n\nconst FORMATS = {\n\tF32: { bytes: 128, read: (view, block, i) => view.getFloat32(block + 4 * i, true) },\n\tF16: { bytes: 64, read: (view, block, i) => half(view, block + 2 * i) },\n\tQ4_0: {\n\t\tbytes: 18,\n\t\tread: (view, block, i) => half(view, block) * (nibble(view, block + 2, i) - 8),\n\t},\n\tQ4_1: {\n\t\tbytes: 20,\n\t\tread: (view, block, i) =>\n\t\t\tMath.fround(half(view, block) * nibble(view, block + 4, i)) + half(view, block + 2),\n\t},\n\tQ8_0: { bytes: 34, read: (view, block, i) => half(view, block) * view.getInt8(block + 2 + i) },\n};\n\nclass PlainMatrices extends Matrices {\n\tbuffer = new ArrayBuffer(0);\n\tend = 0;\n\n\treserve(size) {\n\t\tconst offset = this.end;\n\t\tthis.end = roundUp(offset + size, 64);\n\t\tif (this.end > this.buffer.byteLength) {\n\t\t\tconst larger = new Uint8Array(offset ? 1.5 * this.end : this.end);\n\t\t\tlarger.set(new Uint8Array(this.buffer));\n\t\t\tthis.buffer = larger.buffer;\n\t\t}\n\t\treturn offset;\n\t}\n\n\tmultiply(matrix, x, n) {\n\t\tconst { rows, columns } = matrix;\n\t\tconst y = new Float32Array(n * rows);\n\t\tfor (let r = 0; r < rows; r++) {\n\t\t\tconst weights = this.row(matrix, r);\n\t\t\tfor (let t = 0; t < n; t++) {\n\t\t\t\tlet sum = 0;\n\t\t\t\tfor (let i = 0; i < columns; i++) sum += weights[i] * x[t * columns + i];\n\t\t\t\ty[t * rows + r] = sum;\n\t\t\t}\n\t\t}\n\t\treturn y;\n\t}\n\n\trow({ type, columns, stride, offset }, index) {\n\t\tconst start = offset + index * stride;\n\t\tif (type === \"F32\") return this.floats(start, columns);\n\t\tconst { bytes, read } = FORMATS[type];\n\t\tconst view = new DataView(this.buffer, start, stride);\n\t\treturn Float32Array.from({ length: columns }, (_, i) =>\n\t\t\tread(view, Math.floor(i / BLOCK) * bytes, i % BLOCK),\n\t\t);\n\t}\n}\nreturn { decodeBase64, Matrices };\n});\ndefine(\"live/engine.js\", () => {\n\nconst { checkModel } = modules[\"live/checks.js\"];\nconst { readHeader } = modules[\"live/gguf.js\"];\nconst { Matrices } = modules[\"live/matrices.js\"];\nconst { Model } = modules[\"live/model.js\"];\n\nconst CAPACITY = 640; // tokens, of the text and what is written after it\nconst CHUNK = 32; // tokens between two pauses\n\nconst pause = () => new Promise((resolve) => setTimeout(resolve));\n\nfunction bestIds(logits, count) {\n\tconst best = [];\n\tfor (let id = 0; id < logits.length; id++) {\n\t\tif (best.length === count && !(logits[id] > logits[best.at(-1)])) continue;\n\t\tlet rank = best.length;\n\t\twhile (rank && logits[id] > logits[best[rank - 1]]) rank--;\n\t\tbest.splice(rank, 0, id);\n\t\tif (best.length > count) best.pop();\n\t}\n\treturn best;\n}\n\nfunction topTokens(logits, count) {\n\tconst ids = bestIds(logits, count);\n\tconst most = logits[ids[0]];\n\tconst sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);\n\treturn ids.map((id) => ({ id, logit: logits[id], prob: Math.exp(logits[id] - most) / sum }));\n}\n\nconst asSets = ({ heads = [], mlps = [], blocked = [] }) => ({\n\theads: new Set(heads),\n\tmlps: new Set(mlps),\n\tblocked: new Set(blocked),\n});\n\nasync function sha256(bytes) {\n\tconst digest = new Uint8Array(await crypto.subtle.digest(\"SHA-256\", bytes));\n\treturn Array.from(digest, (byte) => byte.toString(16).padStart(2, \"0\")).join(\"\");\n}\n\nclass Engine {\n\tjob = 0; // a run goes on while this is its number\n\n\tconstructor(report = () => {}) {\n\t\tthis.report = report;\n\t}\n\n\tasync allocate(size, { plain = false } = {}) {\n\t\tthis.matrices = await Matrices.create({ plain });\n\t\tthis.size = size;\n\t\tthis.offset = this.matrices.reserve(size);\n\t}\n\n\twrite(offset, bytes) {\n\t\tthis.matrices.bytes(this.offset, this.size).set(bytes, offset);\n\t}\n\n\tasync open(expectedSha256 = null) {\n\t\tconst bytes = this.matrices.bytes(this.offset, this.size);\n\t\tconst digest = globalThis.crypto?.subtle ? await sha256(bytes) : null;\n\t\tif (expectedSha256 && digest && digest !== expectedSha256) {\n\t\t\tthrow new Error(\"the file is damaged: its sha256 is not the one that the book states\");\n\t\t}\n\t\tconst header = readHeader(bytes);\n\t\tfor (const tensor of Object.values(header.tensors)) tensor.offset += this.offset;\n\t\tcheckModel(header);\n\t\tthis.model = new Model(header, this.matrices, CAPACITY);\n\t\tconst tokenizer = Object.fromEntries(\n\t\t\tObject.entries(header.settings).filter(([key]) => key.startsWith(\"tokenizer.\")),\n\t\t);\n\t\tconst { shape } = this.model;\n\t\tconst capacity = Math.min(CAPACITY, shape.context);\n\t\treturn { digest, shape, capacity, tokenizer, memory: this.matrices.buffer.byteLength };\n\t}\n\n\tasync run(ids, changes = {}) {\n\t\tthis.model.reset();\n\t\tthis.changes = asSets(changes);\n\t\treturn this.extend(ids);\n\t}\n\n\tasync extend(ids) {\n\t\tconst job = ++this.job;\n\t\tlet logits = null;\n\t\tfor (let done = 0; done < ids.length; done += CHUNK) {\n\t\t\tif (job !== this.job) return null;\n\t\t\tlogits = this.model.forward(ids.slice(done, done + CHUNK), this.changes);\n\t\t\tthis.report(Math.min(1, (done + CHUNK) / ids.length));\n\t\t\tawait pause();\n\t\t}\n\t\treturn job === this.job ? logits : null;\n\t}\n\n\tstop() {\n\t\tthis.job++;\n\t}\n\n\tpattern(layer) {\n\t\treturn this.model.pattern(layer, this.changes);\n\t}\n\n\tlens(position, count) {\n\t\tconst logits = this.model.lens(position);\n\t\tconst size = this.model.shape.vocabulary;\n\t\treturn Array.from({ length: logits.length / size }, (_, layer) =>\n\t\t\ttopTokens(logits.subarray(layer * size, (layer + 1) * size), count),\n\t\t);\n\t}\n}\nreturn { topTokens, Engine };\n});\ndefine(\"live/worker.js\", () => {\n\nconst { Engine } = modules[\"live/engine.js\"];\n\nconst engine = new Engine((share) => postMessage({ share }));\n\naddEventListener(\"message\", async ({ data: { id, method, values } }) => {\n\ttry {\n\t\tpostMessage({ id, value: await engine[method](...values) });\n\t} catch (error) {\n\t\tpostMessage({ id, error: error.message });\n\t}\n});\n});\n})();\n";

const FILE_PART = 2 ** 23; // bytes of a chosen file that are read at once

class WorkerCalls {
	waiting = new Map();
	lastId = 0;

	constructor(report) {
		const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
		this.worker = new Worker(url);
		this.worker.addEventListener("message", ({ data }) => {
			if (data.share === undefined) this.onAnswer(data);
			else report(data.share);
		});
		this.worker.addEventListener("error", (event) => {
			event.preventDefault();
			for (const { reject } of this.waiting.values()) reject(new Error(event.message));
		});
	}

	call(method, values, transfer = []) {
		const id = ++this.lastId;
		return new Promise((resolve, reject) => {
			this.waiting.set(id, { resolve, reject });
			this.worker.postMessage({ id, method, values }, transfer);
		});
	}

	close() {
		this.worker.terminate();
	}

	onAnswer({ id, value, error }) {
		const { resolve, reject } = this.waiting.get(id);
		this.waiting.delete(id);
		if (error === undefined) resolve(value);
		else reject(new Error(error));
	}
}

class PageCalls {
	constructor(report) {
		this.engine = new Engine(report);
	}

	async call(method, values) {
		return this.engine[method](...values);
	}

	close() {
		this.engine = null;
	}
}

async function startCalls(report) {
	try {
		const calls = new WorkerCalls(report);
		await calls.call("stop", []); // a policy may keep it from starting
		return calls;
	} catch {
		return new PageCalls(report);
	}
}

class LiveModel {
	parts = []; // of the file, as blobs

	static async start({ report = () => {}, worker = true, plain = false } = {}) {
		const calls = worker ? await startCalls(report) : new PageCalls(report);
		return new LiveModel(calls, report, plain);
	}

	constructor(calls, report, plain) {
		Object.assign(this, { calls, report, plain });
	}

	async loadFolder(folder, { size, sha256, parts }) {
		const writes = [];
		window.layerbookWeights = (offset, carrier) => {
			const text = carrier.toString();
			const base64 = text.slice(text.indexOf("/*") + 2, text.lastIndexOf("*/"));
			writes.push(this.write(offset, decodeBase64(base64)));
		};
		await this.calls.call("allocate", [size, { plain: this.plain }]);
		for (const [i, part] of parts.entries()) {
			await loadScript(`${folder}/${part}`);
			await writes.at(-1);
			this.report((i + 1) / parts.length);
		}
		return this.open(sha256);
	}

	async loadParts(parts, sha256) {
		await this.calls.call("allocate", [new Blob(parts).size, { plain: this.plain }]);
		let offset = 0;
		for (const [i, part] of parts.entries()) {
			await this.write(offset, new Uint8Array(await part.arrayBuffer()));
			offset += part.size;
			this.report((i + 1) / parts.length);
		}
		return this.open(sha256);
	}

	async loadFile(file, sha256 = null) {
		await this.calls.call("allocate", [file.size, { plain: this.plain }]);
		for (let offset = 0; offset < file.size; offset += FILE_PART) {
			const part = await file.slice(offset, offset + FILE_PART).arrayBuffer();
			await this.write(offset, new Uint8Array(part));
			this.report(Math.min(1, (offset + FILE_PART) / file.size));
		}
		return this.open(sha256);
	}

	write(offset, bytes) {
		this.parts.push(new Blob([bytes]));
		return this.calls.call("write", [offset, bytes], [bytes.buffer]);
	}

	open(sha256) {
		return this.calls.call("open", [sha256]);
	}

	close() {
		this.calls.close();
	}

	run(ids, changes = {}) {
		return this.calls.call("run", [ids, changes]);
	}

	extend(ids) {
		return this.calls.call("extend", [ids]);
	}

	stop() {
		return this.calls.call("stop", []);
	}

	pattern(layer) {
		return this.calls.call("pattern", [layer]);
	}

	lens(position, count) {
		return this.calls.call("lens", [position, count]);
	}
}
return { LiveModel };
});
define("live/gguf_tokenizer.js", () => {

const { openTokenizer } = modules["scripts/tokenizer.js"];

const SPECIAL = new Set([2, 3]); // token types: unknown, control
const USER_DEFINED = 4;
const DIGITS = { type: "Digits", individual_digits: true };
const BYTES = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const SPLITS = { smollm: { type: "Sequence", pretokenizers: [DIGITS, BYTES] }, "gpt-2": BYTES };

function addedTokens(tokens, types) {
	return tokens.flatMap((content, id) => {
		const special = SPECIAL.has(types[id]);
		if (!special && types[id] !== USER_DEFINED) return [];
		return [
			{ id, content, special, single_word: false, lstrip: false, rstrip: false, normalized: false },
		];
	});
}

function readTokenizer(settings, size) {
	const get = (key) => settings[`tokenizer.ggml.${key}`];
	const split = SPLITS[get("pre")];
	if (get("model") !== "gpt2" || !split) {
		const rule = get("model") === "gpt2" ? get("pre") : get("model");
		throw new Error(`this page cannot cut text by the tokenizer's rule ${rule}`);
	}
	if (get("add_bos_token") || get("add_eos_token") || get("add_space_prefix")) {
		throw new Error("this page cannot use a tokenizer that adds something to each text");
	}
	for (const key of ["tokens", "token_type", "merges"]) {
		if (!get(key)) throw new Error(`the header lacks tokenizer.ggml.${key}`);
	}
	const tokens = get("tokens");
	if (tokens.length !== size) {
		throw new Error(`the tokenizer has ${tokens.length} tokens, and the model ${size}`);
	}
	const vocab = Object.create(null);
	tokens.forEach((token, id) => (vocab[token] = id));
	const merges = get("merges").map((merge) => merge.split(" "));
	const ends = [get("eos_token_id"), get("eot_token_id")].filter((id) => id !== undefined);
	return {
		...openTokenizer({
			version: "1.0",
			added_tokens: addedTokens(tokens, get("token_type")),
			normalizer: null,
			pre_tokenizer: split,
			post_processor: null,
			decoder: BYTES,
			model: { type: "BPE", unk_token: null, fuse_unk: false, byte_fallback: false, vocab, merges },
		}),
		ends: new Set(ends),
		chatTemplate: settings["tokenizer.chat_template"] ?? "",
		bos: tokens[get("bos_token_id")] ?? "",
		eos: tokens[get("eos_token_id")] ?? "",
	};
}

function renderChat({ chatTemplate, bos, eos }, messages) {
	const template = new window.layerbookJinja.Template(chatTemplate);
	return template.render({
		messages,
		add_generation_prompt: true,
		bos_token: bos,
		eos_token: eos,
	});
}
return { readTokenizer, renderChat };
});
define("live/saved_model.js", () => {

const DATABASE = "layerbook";
const STORE = "model";
const KEY = "file"; // there is one: another model takes its place

const asPromise = (request) =>
	new Promise((resolve, reject) => {
		request.addEventListener("success", () => resolve(request.result));
		request.addEventListener("error", () => reject(request.error));
	});

async function openStore(mode) {
	const request = indexedDB.open(DATABASE, 1);
	request.onupgradeneeded = () => request.result.createObjectStore(STORE);
	const database = await asPromise(request);
	return database.transaction(STORE, mode).objectStore(STORE);
}

async function readSaved(sha256) {
	try {
		const saved = await asPromise((await openStore("readonly")).get(KEY));
		return saved?.sha256 === sha256 ? saved.parts : null;
	} catch {
		return null;
	}
}

async function save(sha256, parts) {
	try {
		await asPromise((await openStore("readwrite")).put({ sha256, parts }, KEY));
	} catch {
	}
}

async function forgetSaved() {
	try {
		await asPromise((await openStore("readwrite")).delete(KEY));
	} catch {
	}
}
return { readSaved, save, forgetSaved };
});
define("live/loader.js", () => {

const { t } = modules["scripts/messages.js"];
const { loadScript, on } = modules["scripts/common.js"];
const { LiveModel } = modules["live/client.js"];
const { readTokenizer } = modules["live/gguf_tokenizer.js"];
const { forgetSaved, readSaved, save } = modules["live/saved_model.js"];

const FOLDER = "live";

class Loader {
	constructor(box, start) {
		Object.assign(this, { box, start });
		this.button = box.querySelector("button");
		this.progress = box.querySelector("progress");
		this.status = box.querySelector(".try-status");
		this.fileBox = box.querySelector(".try-file");
		const input = box.querySelector("input");
		on(this.button, "click", () => this.loadModel());
		on(input, "change", () => this.loadFile(input.files[0]));
		on(box, "dragover drop", (event) => {
			event.preventDefault();
			const [file] = event.dataTransfer.files;
			if (event.type === "drop" && file) this.loadFile(file);
		});
		box.hidden = false;
	}

	async loadModel() {
		const { sha256 } = this.box.dataset;
		const parts = await readSaved(sha256);
		if (parts && (await this.load((model) => model.loadParts(parts, sha256)))) return;
		if (parts) await forgetSaved();
		await this.loadFolder();
	}

	async loadFolder() {
		try {
			await loadScript(`${FOLDER}/manifest.js`);
		} catch {
			this.fileBox.hidden = false;
			this.status.textContent = t("The model is not beside this page.");
			return;
		}
		await this.load((model) => model.loadFolder(FOLDER, window.layerbookManifest));
	}

	loadFile(file) {
		if (file) return this.load((model) => model.loadFile(file));
	}

	async load(read) {
		if (this.button.disabled) return false;
		this.button.disabled = true;
		this.progress.hidden = false;
		this.status.textContent = t("Reading the model …");
		let model;
		try {
			for (const library of this.box.dataset.libraries.split(" ")) await loadScript(library);
			model = await LiveModel.start({ report: (share) => this.report(share) });
			const opened = await read(model);
			const tokenizer = readTokenizer(opened.tokenizer, opened.shape.vocabulary);
			if (opened.digest === this.box.dataset.sha256) save(opened.digest, model.parts);
			model.parts = [];
			this.box.hidden = true;
			this.start({ ...opened, model, tokenizer, note: this.noteOn(opened.digest) });
			return true;
		} catch (error) {
			model?.close();
			this.status.textContent = t("The model cannot be loaded: {reason}.", {
				reason: error.message,
			});
			this.button.disabled = false;
			this.progress.hidden = true;
			return false;
		}
	}

	report(share) {
		if (this.onProgress) this.onProgress(share);
		else this.progress.value = share;
	}

	noteOn(digest) {
		if (digest === this.box.dataset.sha256) return "";
		return digest
			? t("This is not the book's own model: its numbers differ from the book's.")
			: t("Your browser could not check that the file is whole.");
	}
}
return { Loader };
});
define("live/next_token.js", () => {

const { grouped, t } = modules["scripts/messages.js"];
const { clamp, element, on, percent } = modules["scripts/common.js"];
const { Scores } = modules["scripts/sampling.js"];

const SHOWN = 12;
const LEAST_MARKED = 0.002; // below that a mark would only be noise
const KNOBS = ["temperature", "top-k", "top-p"];
const PRESETS = { likeliest: [0, 0, 1], bold: [0.8, 40, 0.95], own: [1, 0, 1] };

class NextToken {
	constructor(box, { token, choose, changed }) {
		Object.assign(this, { token, choose, changed });
		this.list = box.querySelector("ol");
		this.summary = box.querySelector(".try-summary");
		this.fields = KNOBS.map((name) => box.querySelector(`[name="${name}"]`));
		this.presets = [...box.querySelectorAll("[data-preset]")];
		for (const field of this.fields) on(field, "input", () => this.turn());
		for (const button of this.presets) {
			on(button, "click", () => this.setKnobs(PRESETS[button.dataset.preset]));
		}
		on(this.list, "click", ({ target }) => {
			const button = target.closest("button");
			if (button) this.choose(Number(button.value));
		});
		this.setPreset("likeliest");
	}

	setPreset(name) {
		this.setKnobs(PRESETS[name]);
	}

	get knobs() {
		return this.fields.map((field, i) =>
			field.value && field.validity.valid ? Number(field.value) : PRESETS.own[i],
		);
	}

	setKnobs(values) {
		this.fields.forEach((field, i) => (field.value = values[i]));
		this.turn();
	}

	turn() {
		for (const button of this.presets) {
			button.ariaPressed = PRESETS[button.dataset.preset].join() === this.knobs.join();
		}
		if (this.scores) this.draw();
		this.changed();
	}

	show(logits, unchanged = null) {
		this.scores = new Scores(logits);
		this.own = this.scores.sample(1, logits.length, 1).probs;
		this.before = unchanged && probabilities(unchanged);
		this.draw();
	}

	draw() {
		const { order } = this.scores;
		const [temperature, topK, topP] = this.knobs;
		const kept = clamp(topK || order.length, 1, order.length);
		this.sampled = this.scores.sample(temperature, kept, topP);
		const rows = Array.from({ length: Math.min(SHOWN, order.length) }, (_, rank) => this.row(rank));
		this.list.replaceChildren(...rows);
		this.summary.textContent = this.describe(this.sampled.left);
	}

	describe(left) {
		const { length } = this.scores.order;
		if (left === 1) return t("The model always writes the first of these.");
		if (left === length)
			return t("Any of the {count} tokens may be drawn.", { count: grouped(length) });
		return t("One of the likeliest {count} is drawn.", { count: grouped(left) });
	}

	row(rank) {
		const id = this.scores.order[rank];
		const { shown } = this.token(id);
		const item = element("li");
		const button = element(
			"button.tok",
			{ value: id, title: t("Write this one") },
			item,
			shown || t("empty"),
		);
		button.ariaLabel = t("Write {token}", { token: shown || t("an empty token") });
		const share = element("span.explorer-share", { "aria-hidden": "true" }, item);
		element("i", {}, share).style.width = `${100 * this.own[rank]}%`;
		if (this.before?.[id] > LEAST_MARKED)
			element("b", {}, share).style.left = `${100 * this.before[id]}%`;
		element("span.explorer-value", {}, item, percent(this.own[rank]));
		const drawn = this.sampled.probs[rank];
		element("span.explorer-value.try-drawn", {}, item, drawn ? percent(drawn) : t("never"));
		return item;
	}

	pick() {
		const { probs, left } = this.sampled;
		let remaining = Math.random() - probs[0];
		let rank = 0;
		while (remaining >= 0 && rank < left - 1) remaining -= probs[++rank];
		return this.scores.order[rank];
	}
}

function probabilities(logits) {
	const most = logits.reduce((a, b) => Math.max(a, b));
	const exponents = Float64Array.from(logits, (logit) => Math.exp(logit - most));
	const sum = exponents.reduce((a, b) => a + b, 0);
	return exponents.map((value) => value / sum);
}
return { NextToken };
});
define("live/own_text.js", () => {

const { on } = modules["scripts/common.js"];
const { grouped, plural, t } = modules["scripts/messages.js"];
const { LiveAttention } = modules["live/attention.js"];
const { Layers } = modules["live/layers.js"];
const { Loader } = modules["live/loader.js"];
const { NextToken } = modules["live/next_token.js"];

const FIRST_TEXT = "The capital of France is";

let shared = null; // {model, tokenizer, shape, capacity, note, loader}, once a box has loaded it
const waiting = []; // boxes that were opened before that
let turn = Promise.resolve(); // the model reads one text at a time

class AttentionView {
	constructor(box, { shape, shades, token }) {
		this.attention = new LiveAttention(box, { shape, shades, token });
	}

	async show(model, ids) {
		const isFirst = !this.attention.explorer;
		await this.attention.show(model, ids);
		const [best] = this.attention.found;
		if (isFirst && best) this.attention.explorer.update(best);
	}
}

class NextView {
	constructor(box, { token, append }) {
		this.next = new NextToken(box, { token, choose: append, changed: () => {} });
		this.next.setPreset("own");
		on(box.querySelector("[name='draw']"), "click", () => append(this.next.pick()));
	}

	show(model, ids, logits) {
		this.next.show(logits);
	}
}

class LensView {
	constructor(box, { token }) {
		this.token = token;
		this.layers = new Layers(box, { token });
	}

	async show(model, ids) {
		const last = ids.length - 1;
		this.layers.show(this.token(ids[last]), await model.lens(last, this.layers.count));
	}
}

const VIEWS = { attention: AttentionView, next: NextView, lens: LensView };

class OwnText {
	ids = [];

	constructor(box) {
		this.box = box;
		this.loadBox = box.querySelector(".own-load");
		this.shades = this.loadBox.dataset.shades;
		if (shared) this.start(shared);
		else if (waiting.push(this) === 1) this.load();
	}

	load() {
		const loader = new Loader(this.loadBox, (loaded) => {
			shared = { ...loaded, loader };
			for (const button of document.querySelectorAll(".own-load button")) {
				button.textContent = t("Write a text");
			}
			for (const box of waiting.toReversed()) box.start(shared); // the first has the focus
		});
		loader.loadModel();
	}

	start({ tokenizer, shape, capacity, note }) {
		Object.assign(this, { tokenizer, capacity, note });
		const app = this.box.querySelector(".own-app");
		this.field = app.querySelector("textarea");
		this.progress = app.querySelector("progress");
		this.status = app.querySelector(".try-status");
		const token = (id) => tokenizer.token(id);
		const append = (id) => this.read([...this.ids, id]);
		const View = VIEWS[this.box.dataset.kind];
		this.view = new View(app, { shape, shades: this.shades, token, append });
		on(app.querySelector("[name='read']"), "click", () => this.readField());
		on(this.field, "keydown", (event) => {
			if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
			event.preventDefault();
			this.readField();
		});
		this.loadBox.hidden = true;
		app.hidden = false;
		this.field.value = FIRST_TEXT;
		this.field.focus();
		this.readField();
	}

	readField() {
		return this.read(this.tokenizer.tokenize(this.field.value).map(({ id }) => id));
	}

	read(ids) {
		if (!ids.length) return this.tell(t("Write something first."));
		if (ids.length > this.capacity) {
			const counts = { count: grouped(ids.length), most: grouped(this.capacity) };
			return this.tell(t("That is {count} tokens; this page reads up to {most}.", counts));
		}
		turn = turn.then(() => this.run(ids));
		return turn;
	}

	async run(ids) {
		this.tell(t("Reading …"));
		this.progress.hidden = false;
		shared.loader.onProgress = (share) => (this.progress.value = share);
		try {
			const logits = await shared.model.run(ids);
			if (ids.length > this.ids.length && this.ids.every((id, i) => id === ids[i]))
				this.showAppended(ids);
			this.ids = ids;
			await this.view.show(shared.model, ids, logits);
			this.tell(this.note || plural(ids.length, "{count} token read.", "{count} tokens read."));
		} catch (error) {
			this.tell(t("Something went wrong: {reason}.", { reason: error.message }));
		}
		this.progress.hidden = true;
	}

	showAppended(ids) {
		const bytes = ids.flatMap((id) => [...this.tokenizer.token(id).bytes]);
		this.field.value = new TextDecoder().decode(Uint8Array.from(bytes));
	}

	tell(text) {
		this.status.textContent = text;
	}
}
return { OwnText };
});
define("own_text.js", () => {

const { OwnText } = modules["live/own_text.js"];

window.layerbook.openOwnText = (box) => new OwnText(box);
});
})();
