// Joined from the modules in templates/assets, which have the comments.
(() => {
"use strict";
const modules = (globalThis.layerbookModules ??= {});
const sources = (globalThis.layerbookSources ??= {});
const define = (name, run) => {
	sources[name] = run;
	try {
		modules[name] = run();
	} catch (error) {
		reportError(error); // the other parts go on
	}
};
sources["live/worker.js"] = () => {
const { Engine } = modules["live/engine.js"];
const engine = new Engine((share) => postMessage({ share }));
addEventListener("message", async ({ data: { id, method, values } }) => {
	try {
		postMessage({ id, value: await engine[method](...values) });
	} catch (error) {
		postMessage({ id, error: { message: error.pattern ?? error.message, values: error.values } });
	}
});
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
const MAX_MAPPED = 80; // tokens whose attention is drawn
class LiveExplorer extends AttentionExplorer {
	showPattern(options) {
		super.showPattern(options);
		this.onPattern?.();
	}
}
class LiveAttention {
	explorer = null;
	notable = []; // heads worth a look
	constructor(box, { shape, shades, token, onPattern = () => {} }) {
		Object.assign(this, { shape, shades, token, onPattern });
		this.map = box.querySelector(".try-map");
		this.presets = box.querySelector("[role='group']");
	}
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
return { LiveAttention };
});
define("live/errors.js", () => {
class LiveError extends Error {
	constructor(pattern, values = {}) {
		super(pattern.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole));
		Object.assign(this, { pattern, values });
	}
}
return { LiveError };
});
define("live/model.js", () => {
const { LiveError } = modules["live/errors.js"];
const SETTINGS = {
	layers: "block_count",
	width: "embedding_length",
	hidden: "feed_forward_length",
	heads: "attention.head_count",
	context: "context_length",
	epsilon: "attention.layer_norm_rms_epsilon",
};
const KEYS = 8; // a multiple of them is multiplied at a time
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
		this.capacity = roundUp(capacity, KEYS);
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
		return finite(this.times(matrix, this.normalize("output_norm", x)));
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
		return finite(pattern);
	}
}
return { UNCHANGED, readShape, Model };
});
define("live/checks.js", () => {
const { LiveError } = modules["live/errors.js"];
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
		throw new LiveError("the architecture is {architecture}; this page runs only llama", {
			architecture,
		});
	}
	for (const [key, value] of Object.entries(settings)) {
		if (Object.hasOwn(PLAIN_VALUES, key)) {
			if (value !== PLAIN_VALUES[key])
				throw new LiveError("{key} is {value}; this page cannot run that", { key, value });
		} else if (/^(llama|split)\./.test(key) && !UNDERSTOOD.has(key)) {
			throw new LiveError("the setting {key} is not understood, and may change the numbers", {
				key,
			});
		}
	}
}
function checkShape({ settings, tensors }, shape) {
	const most = { layers: Object.keys(tensors).length }; // a layer has several
	for (const [name, value] of Object.entries(shape)) {
		const isNumber = name === "epsilon" || name === "ropeBase" ? Number.isFinite : Number.isInteger;
		if (!isNumber(value) || value <= 0 || value > (most[name] ?? Infinity))
			throw new LiveError("the header has no valid number for {name}: {value}", { name, value });
	}
	const { heads, keyHeads, headSize } = shape;
	if (heads % keyHeads)
		throw new LiveError("{heads} heads cannot share {keyHeads} key heads", { heads, keyHeads });
	if (headSize % 4)
		throw new LiveError("a head has {size} numbers; this page needs a multiple of 4", {
			size: headSize,
		});
	for (const key of ["llama.attention.value_length", "llama.rope.dimension_count"]) {
		const size = settings[key] ?? headSize;
		if (size !== headSize)
			throw new LiveError("{key} is {size}, but a head has {headSize} numbers", {
				key,
				size,
				headSize,
			});
	}
}
function checkTensor({ name, type, rows, columns }, [expectedRows, expectedColumns]) {
	if (rows !== expectedRows || columns !== expectedColumns) {
		const size = `${rows} x ${columns}`;
		const expected = `${expectedRows} x ${expectedColumns}`;
		throw new LiveError("{name} is {size}, not {expected}", { name, size, expected });
	}
	const unit = type === "F32" ? 4 : 32;
	if (columns % unit)
		throw new LiveError("{name} has {columns} columns, not a multiple of {unit}", {
			name,
			columns,
			unit,
		});
}
function checkModel(header) {
	const { settings, tensors } = header;
	checkSettings(settings);
	const shape = readShape(header);
	checkShape(header, shape);
	const layout = layoutOf(shape);
	if (tensors["output.weight"]) layout.output = [shape.vocabulary, shape.width];
	for (const [name, size] of Object.entries(layout)) {
		const tensor = tensors[`${name}.weight`];
		if (!tensor) throw new LiveError("the tensor {name} is missing", { name: `${name}.weight` });
		checkTensor(tensor, size);
	}
	for (const name of Object.keys(tensors)) {
		if (!Object.hasOwn(layout, name.replace(/\.weight$/, "")) || !name.endsWith(".weight")) {
			throw new LiveError("the tensor {name} is not part of a plain Llama", { name });
		}
	}
}
return { checkModel };
});
define("live/gguf.js", () => {
const { LiveError } = modules["live/errors.js"];
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
const LIST = 9; // no list is in another
const MAX_DIMENSIONS = 2;
const MAX_ELEMENTS = 3_000_000; // of all lists
function rejectNumber(name, value) {
	throw new LiveError("the header has no valid number for {name}: {value}", { name, value });
}
class Reader {
	elements = 0;
	utf8 = new TextDecoder();
	constructor(bytes) {
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.position = 0;
	}
	skip(size) {
		this.position += size;
		if (this.position > this.bytes.length)
			throw new LiveError("the file ends within {name}; it is incomplete", { name: "GGUF" });
	}
	number(method, size) {
		this.skip(size);
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
		this.skip(length);
		return this.utf8.decode(this.bytes.subarray(this.position - length, this.position));
	}
	array() {
		const type = this.uint32();
		const length = this.uint64();
		this.elements += length;
		if (this.elements > MAX_ELEMENTS) rejectNumber("array", this.elements);
		if (type === LIST)
			throw new LiveError("the header has a value of unknown type {type}", { type });
		return Array.from({ length }, () => this.value(type));
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
		if (!readers[type])
			throw new LiveError("the header has a value of unknown type {type}", { type });
		return readers[type]();
	}
}
function readTensor(reader) {
	const name = reader.text();
	const count = reader.uint32();
	if (count > MAX_DIMENSIONS) throw new LiveError("{name} has {count} dimensions", { name, count });
	const sizes = Array.from({ length: count }, () => reader.uint64());
	const code = reader.uint32();
	const type = TENSOR_TYPES[code];
	if (!type) {
		const other = OTHER_TYPES.get(code) ?? code;
		const types = Object.values(TENSOR_TYPES).map((each) => each.name);
		throw new LiveError("{name} is of type {other}; this page reads {types}", {
			name,
			other,
			types: types.join(", "),
		});
	}
	const [columns, rows = 1] = sizes;
	const stride = (columns / type.weights) * type.bytes; // bytes of a row
	return { name, type: type.name, rows, columns, stride, offset: reader.uint64() };
}
function readHeader(bytes) {
	const reader = new Reader(bytes);
	if (bytes.length < 24 || reader.uint32() !== MAGIC)
		throw new LiveError("this is not a GGUF file");
	const version = reader.uint32();
	if (version < 2 || version > 3)
		throw new LiveError("this is version {version} of GGUF, not 2 or 3", { version });
	const tensorCount = reader.uint64();
	const settingCount = reader.uint64();
	const settings = Object.create(null); // names may be those that every object has
	for (let i = 0; i < settingCount; i++) {
		const key = reader.text();
		settings[key] = reader.value(reader.uint32());
	}
	const list = [];
	while (list.length < tensorCount) list.push(readTensor(reader));
	const alignment = settings["general.alignment"] ?? 32;
	if (!Number.isInteger(alignment) || alignment <= 0) rejectNumber("general.alignment", alignment);
	const start = Math.ceil(reader.position / alignment) * alignment;
	const tensors = Object.create(null);
	let size = 0; // of all tensors; if they overlap, they take more memory than the file
	for (const tensor of list) {
		tensor.offset += start;
		size += tensor.rows * tensor.stride;
		if (tensor.offset + tensor.rows * tensor.stride > bytes.length) {
			throw new LiveError("the file ends within {name}; it is incomplete", { name: tensor.name });
		}
		if (size > bytes.length) rejectNumber(`${tensor.name}.offset`, tensor.offset);
		tensors[tensor.name] = tensor;
	}
	return { settings, tensors };
}
return { readHeader };
});
define("live/wasm.js", () => {
const WASM = [
	"AGFzbQEAAAABNQdgA39/fwBgA39/fwF9YAAAYAABf2AIf39/f39/f38AYAl/f39/f39/f38AYAZ/f39/f30AAg8B",
	"A2VudgZtZW1vcnkCAAIDGBcCAwMABAUABAAEAAQABAAEAQEBAQEGAAQFAXABCwsGKwd/AUHAiAQLfwBBwIgEC38A",
	"QYAIC38AQbwIC38AQYAIC38AQQALfwBBAQsH5AIWEV9fd2FzbV9jYWxsX2N0b3JzAAAJcm9vbV9zaXplAAEMbWVt",
	"b3J5X3N0YXJ0AAILX19oZWFwX2Jhc2UDAQ51bnBhY2tfcm93X0YzMgADDG11bHRpcGx5X0YzMgAEDnVucGFja19y",
	"b3dfRjE2AAgMbXVsdGlwbHlfRjE2AAkPdW5wYWNrX3Jvd19RNF8wAAoNbXVsdGlwbHlfUTRfMAALD3VucGFja19y",
	"b3dfUTRfMQAMDW11bHRpcGx5X1E0XzEADQ91bnBhY2tfcm93X1E4XzAADg1tdWx0aXBseV9ROF8wAA8ZX19pbmRp",
	"cmVjdF9mdW5jdGlvbl90YWJsZQEAB3NvZnRtYXgAFQxnYXRlX2J5X3NpbHUAFgxfX2Rzb19oYW5kbGUDAgpfX2Rh",
	"dGFfZW5kAwMNX19nbG9iYWxfYmFzZQMEDV9fbWVtb3J5X2Jhc2UDBQxfX3RhYmxlX2Jhc2UDBgkQAQBBAQsKAxAI",
	"EQoSDBMOFArHVBcCAAsGAEGA4AALCABBwIiEgAALvQIDA38HewF/QQAhAwJAIAJBIEgNAEEAIQRBACEFA0AgACAE",
	"aiID/QAAACEGIANBEGr9AAAAIQcgA0Egav0AAAAhCCADQTBq/QAAACEJIANBwABq/QAAACEKIANB0ABq/QAAACEL",
	"IANB4ABq/QAAACEMIAEgBGoiDUHwAGogA0HwAGr9AAAA/QsAACANQeAAaiAM/QsAACANQdAAaiAL/QsAACANQcAA",
	"aiAK/QsAACANQTBqIAn9CwAAIA1BIGogCP0LAAAgDUEQaiAH/QsAACANIAb9CwAAIARBgAFqIQQgBUHAAGohDSAF",
	"QSBqIgMhBSANIAJMDQALIAAgBGohAAsCQCADIAJODQAgASADQQJ0aiENA0AgDSAA/QAAAP0LAAAgDUEQaiENIABB",
	"EGohACADQQRqIgMgAkgNAAsLCx4AQYCIgIAAIAAgASACIAMgBCAFIAYgBxCFgICAAAv6BQEQf0EAIQkCQCAHQQJI",
	"DQAgBUEISA0AAkAgBkEBSA0AIAhBgDBqIQogAkEDdCELIAJBB2whDCACQQZsIQ0gAkEFbCEOIAJBAnQhDyACQQNs",
	"IRAgAkEBdCERQQAhEkEIIRMDQCATIQkgBCASQQJ0aiEUIAYhFUEAIRYgAyEXQQAhGANAIAEgACgCACAWbGoiEyAK",
	"IBVBwAEgFUHAAUgbIhIgACgCBBGAgICAAAAgEyACaiAKIBJBAnRqIBIgACgCBBGAgICAAAAgEyARaiAKIBJBA3Rq",
	"IBIgACgCBBGAgICAAAAgEyAQaiAKIBJBDGxqIBIgACgCBBGAgICAAAAgEyAPaiAKIBJBBHRqIBIgACgCBBGAgICA",
	"AAAgEyAOaiAKIBJBFGxqIBIgACgCBBGAgICAAAAgEyANaiAKIBJBGGxqIBIgACgCBBGAgICAAAAgEyAMaiAKIBJB",
	"HGxqIBIgACgCBBGAgICAAAAgCiAIIBIQhoCAgAAgCCAXIAYgFCAFIBIgByAYRRCHgICAACAVQcB+aiEVIBZBBmoh",
	"FiAXQYAGaiEXIBhBwAFqIhggBkgNAAsgASALaiEBIAkhEiAJQQhqIhMgBUwNAAwCCwsgASAFQQ8gBUEPShtB+P//",
	"/wdxIgkgAmxqIQELAkAgCSAFTg0AIAdBAUgNACAFQQN0IRcgBkEDdCEYIAZBAnQhCCAHQX5xIRQgB0EBcSEMIAQg",
	"CUECdGohFSAEIAkgBWpBAnRqIRYDQEEAIRMCQCAHQQFGDQBBACESIAMhCkEAIRMDQCAVIBJqIAEgCiAGIAAoAggR",
	"gYCAgAAAOAIAIBYgEmogASAKIAhqIAYgACgCCBGBgICAAAA4AgAgEiAXaiESIAogGGohCiAUIBNBAmoiE0cNAAsL",
	"AkAgDEUNACAEIBMgBWwgCWpBAnRqIAEgAyATIAZsQQJ0aiAGIAAoAggRgYCAgAAAOAIACyAVQQRqIRUgFkEEaiEW",
	"IAEgAmohASAJQQFqIgkgBUcNAAsLC5QFAgZ/BnsCQCACQQFIDQAgAkECdCEDIAJBA3QhBCACQQxsIQVBACEGIAAh",
	"ByABIQgDQCAIQeAAaiAH/QAAACIJIAcgA2r9AAAAIgr9DQgJCgsYGRobDA0ODxwdHh8iCyAHIARq/QAAACIMIAcg",
	"BWr9AAAAIg39DQgJCgsYGRobDA0ODxwdHh8iDv0NCAkKCwwNDg8YGRobHB0eH/0LAAAgCEHAAGogCyAO/Q0AAQID",
	"BAUGBxAREhMUFRYX/QsAACAIQSBqIAkgCv0NAAECAxAREhMEBQYHFBUWFyIJIAwgDf0NAAECAxAREhMEBQYHFBUW",
	"FyIK/Q0ICQoLDA0ODxgZGhscHR4f/QsAACAIIAkgCv0NAAECAwQFBgcQERITFBUWF/0LAAAgB0EQaiEHIAhBgAFq",
	"IQggBkEEaiIGIAJIDQALIAFB8ABqIQcgACACQRRsaiEIIAAgAkEYbGohBiAAIAJBHGxqIQMgACACQQR0aiEEQQAh",
	"BQNAIAcgBP0AAAAiCSAI/QAAACIK/Q0ICQoLGBkaGwwNDg8cHR4fIgsgBv0AAAAiDCAD/QAAACIN/Q0ICQoLGBka",
	"GwwNDg8cHR4fIg79DQgJCgsMDQ4PGBkaGxwdHh/9CwAAIAdBYGogCyAO/Q0AAQIDBAUGBxAREhMUFRYX/QsAACAH",
	"QUBqIAkgCv0NAAECAxAREhMEBQYHFBUWFyIJIAwgDf0NAAECAxAREhMEBQYHFBUWFyIK/Q0ICQoLDA0ODxgZGhsc",
	"HR4f/QsAACAHQaB/aiAJIAr9DQABAgMEBQYHEBESExQVFhf9CwAAIARBEGohBCAIQRBqIQggBkEQaiEGIANBEGoh",
	"AyAHQYABaiEHIAVBBGoiBSACSA0ACwsLwwoECX8IewF/BnsjgICAgABBwABrIQgCQCAGQQRIDQAgBEECdCEJAkAg",
	"BUEBSA0AIAJBAnQhCiACQQN0IQsgAkEMbCEMIAJBBHQhDQNAIAYhDiABIQ8gBSEQ/QwAAAAAAAAAAAAAAAAAAAAA",
	"IhEhEiARIRMgESEUIBEhFSARIRYgESEXIBEhGCAAIRkDQCAVIBlBEGr9AAAAIhogDyAMav0JAAAiG/3mAf3kASEV",
	"IBYgGiAPIAtq/QkAACIc/eYB/eQBIRYgFyAaIA8gCmr9CQAAIh395gH95AEhFyAUIBn9AAAAIh4gD/0JAAAiH/3m",
	"Af3kASEUIBEgHiAb/eYB/eQBIREgEiAeIBz95gH95AEhEiATIB4gHf3mAf3kASETIBggGiAf/eYB/eQBIRggD0EE",
	"aiEPIBlBIGohGSAQQX9qIhANAAsCQAJAIAdFDQAgAyAY/QsAECADIBT9CwAAIAMgCWoiDyAX/QsAECAPIBP9CwAA",
	"IA8gCWoiDyAW/QsAECAPIBL9CwAAIA8gCWoiDyAV/QsAECAPIBH9CwAADAELIAMgA/0AAAAgFP3kAf0LAAAgAyAD",
	"/QAAECAY/eQB/QsAECADIAlqIg8gD/0AAAAgE/3kAf0LAAAgDyAP/QAAECAX/eQB/QsAECAPIAlqIg8gD/0AAAAg",
	"Ev3kAf0LAAAgDyAP/QAAECAW/eQB/QsAECAPIAlqIg8gD/0AAAAgEf3kAf0LAAAgDyAP/QAAECAV/eQB/QsAEAsg",
	"DkF8aiEGIAEgDWohASADIAlBAnRqIQMgDkEHSg0ADAILCwJAIAdFDQAgBEEEdCELIAJBBHQhEANAIAMiD/0MAAAA",
	"AAAAAAAAAAAAAAAAACIa/QsAACAPQRBqIBr9CwAAIA8gCWoiGUEQaiAa/QsAACAZIBr9CwAAIBkgCWoiGUEQaiAa",
	"/QsAACAZIBr9CwAAIBkgCWoiGUEQaiAa/QsAACAZIBr9CwAAIAEgEGohASAZIAlqIQMgBkEHSyEZIAZBfGoiCiEG",
	"IBkNAAsgDyALaiEDIAohBgwBCyAEQQR0IQsgAkEEdCEKA0AgAyIPIA/9AAAA/QwAAAAAAAAAAAAAAAAAAAAAIhr9",
	"5AH9CwAAIA9BEGoiGSAZ/QAAACAa/eQB/QsAACAPIAlqIhkgGf0AAAAgGv3kAf0LAAAgGUEQaiIQIBD9AAAAIBr9",
	"5AH9CwAAIBkgCWoiGSAZ/QAAACAa/eQB/QsAACAZQRBqIhAgEP0AAAAgGv3kAf0LAAAgGSAJaiIZIBn9AAAAIBr9",
	"5AH9CwAAIBlBEGoiECAQ/QAAACAa/eQB/QsAACABIApqIQEgGSAJaiEDIAZBB0shGSAGQXxqIhAhBiAZDQALIA8g",
	"C2ohAyAQIQYLAkAgBkEBSA0AIAJBAnQhCiAFQQFIIQsDQCAI/QwAAAAAAAAAAAAAAAAAAAAAIh79CwQAAkACQCAL",
	"RQ0A/QwAAAAAAAAAAAAAAAAAAAAAIRoMAQsgASEZIAUhEP0MAAAAAAAAAAAAAAAAAAAAACIeIRogACEPA0AgCCAe",
	"IA9BEGr9AAAAIBn9CQAAIhH95gH95AEiHv0LBAAgGUEEaiEZIBogESAP/QAAAP3mAf3kASEaIA9BIGohDyAQQX9q",
	"IhANAAsgGiEeCwJAAkAgB0UNACADIB79CwAAIAMgCP0ABAD9CwAQDAELIAMgA/0AAAAgGv3kAf0LAAAgAyAD/QAA",
	"ECAI/QAEAP3kAf0LABALIAEgCmohASADIARBAnRqIQMgBkEBSiEPIAZBf2ohBiAPDQALCwu9BwMDfwt7AX9BACED",
	"AkAgAkEgSA0AIAFB8ABqIQRBACEFA0AgAEEIav1dAAAhBiAAQRBq/V0AACEHIABBGGr9XQAAIQggAEEgav1dAAAh",
	"CSAAQShq/V0AACEKIABBMGr9XQAAIQsgAEE4av1dAAAhDCAEQZB/aiAA/V0AACINIA79DQABAAACAwAABAUAAAYH",
	"AABBEP2rAUEQ/awB/QwAAACAAAAAgAAAAIAAAACAIg79Tv0MAAAAAAAAAAAAAAAAAAAAACIPIA39DP9//3//f/9/",
	"AAAAAAAAAAAiEP1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwH9DAAAgHcAAIB3AACAdwAAgHciDf3mAf1Q/QsAACAE",
	"IAwgDv0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgDv1OIA8gDCAQ/U79DRARAgMSEwYHFBUKCxYXDg9BDf2r",
	"ASAN/eYB/VD9CwAAIARBcGogCyAO/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sASAO/U4gDyALIBD9Tv0NEBEC",
	"AxITBgcUFQoLFhcOD0EN/asBIA395gH9UP0LAAAgBEFgaiAKIA79DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awB",
	"IA79TiAPIAogEP1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgDf3mAf1Q/QsAACAEQVBqIAkgDv0NAAEAAAIDAAAE",
	"BQAABgcAAEEQ/asBQRD9rAEgDv1OIA8gCSAQ/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAN/eYB/VD9CwAAIARB",
	"QGogCCAO/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sASAO/U4gDyAIIBD9Tv0NEBECAxITBgcUFQoLFhcOD0EN",
	"/asBIA395gH9UP0LAAAgBEGwf2ogByAO/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFBEP2sASAO/U4gDyAHIBD9Tv0N",
	"EBECAxITBgcUFQoLFhcOD0EN/asBIA395gH9UP0LAAAgBEGgf2ogBiAO/Q0AAQAAAgMAAAQFAAAGBwAAQRD9qwFB",
	"EP2sASAO/U4gDyAGIBD9Tv0NEBECAxITBgcUFQoLFhcOD0EN/asBIA395gH9UP0LAAAgAEHAAGohACAEQYABaiEE",
	"IAVBwABqIREgBUEgaiIDIQUgESACTA0ACwsCQCADIAJODQAgASADQQJ0aiEEA0AgBCAA/QAAAP0LAAAgBEEQaiEE",
	"IABBEGohACADQQRqIgMgAkgNAAsLCx4AQYyIgIAAIAAgASACIAMgBCAFIAYgBxCFgICAAAuABAUDfwV7AX0CewF/",
	"QQAhAwJAIAJBIEgNAEEAIQQgASEFA0AgAEECav0AAAAiBkEE/Y0B/QwPDw8PDw8PDw8PDw8PDw8PIgf9TiII/YoB",
	"Ign9qgEhCiAFQfAAaiAAQQFqLAAAIgNBgICAgHhxIANBFXRBgICA/wBxIAAtAABBDXRyvkMAAIB3lLxyviILQwAA",
	"AMGU/RMiDCAL/RMiDSAK/foB/eYB/eQB/QsAACAJ/akBIQogBUHgAGogDCANIAr9+gH95gH95AH9CwAAIAj9iQEi",
	"CP2qASEKIAVB0ABqIAwgDSAK/foB/eYB/eQB/QsAACAI/akBIQogBUHAAGogDCANIAr9+gH95gH95AH9CwAAIAYg",
	"B/1OIgb9igEiB/2qASEKIAVBMGogDCANIAr9+gH95gH95AH9CwAAIAf9qQEhCiAFQSBqIAwgDSAK/foB/eYB/eQB",
	"/QsAACAG/YkBIgb9qgEhCiAFQRBqIAwgDSAK/foB/eYB/eQB/QsAACAG/akBIQogBSAMIA0gCv36Af3mAf3kAf0L",
	"AAAgAEESaiEAIAVBgAFqIQUgBEHAAGohDiAEQSBqIgMhBCAOIAJMDQALCwJAIAMgAk4NACABIANBAnRqIQUDQCAF",
	"IAD9AAAA/QsAACAFQRBqIQUgAEEQaiEAIANBBGoiAyACSA0ACwsLHgBBmIiAgAAgACABIAIgAyAEIAUgBiAHEIWA",
	"gIAAC6MEAwN/B3sBf0EAIQMCQCACQSBIDQBBACEEIAEhBQNAIABBBGr9AAAAIgZBBP2NAf0MDw8PDw8PDw8PDw8P",
	"Dw8PDyIH/U4iCP2KASIJ/aoBIQogBUHwAGogAEEDaiwAACIDQYCAgIB4cSADQRV0QYCAgP8AcSAAQQJqLQAAQQ10",
	"cr5DAACAd5S8cv0RIgsgAEEBaiwAACIDQYCAgIB4cSADQRV0QYCAgP8AcSAALQAAQQ10cr5DAACAd5S8cv0RIgwg",
	"Cv36Af3mAf3kAf0LAAAgCf2pASEKIAVB4ABqIAwgCv36Af3mASAL/eQB/QsAACAI/YkBIgj9qgEhCiAFQdAAaiAM",
	"IAr9+gH95gEgC/3kAf0LAAAgCP2pASEKIAVBwABqIAwgCv36Af3mASAL/eQB/QsAACAGIAf9TiIG/YoBIgf9qgEh",
	"CiAFQTBqIAwgCv36Af3mASAL/eQB/QsAACAH/akBIQogBUEgaiAMIAr9+gH95gEgC/3kAf0LAAAgBv2JASIG/aoB",
	"IQogBUEQaiAMIAr9+gH95gEgC/3kAf0LAAAgBv2pASEKIAUgDCAK/foB/eYBIAv95AH9CwAAIABBFGohACAFQYAB",
	"aiEFIARBwABqIQ0gBEEgaiIDIQQgDSACTA0ACwsCQCADIAJODQAgASADQQJ0aiEFA0AgBSAA/QAAAP0LAAAgBUEQ",
	"aiEFIABBEGohACADQQRqIgMgAkgNAAsLCx4AQaSIgIAAIAAgASACIAMgBCAFIAYgBxCFgICAAAuvAwMDfwV7AX9B",
	"ACEDAkAgAkEgSA0AQQAhBCABIQUDQCAAQRJq/QAAACIG/YgBIgf9qAEhCCAAQQJq/QAAACEJIAVB8ABqIABBAWos",
	"AAAiA0GAgICAeHEgA0EVdEGAgID/AHEgAC0AAEENdHK+QwAAgHeUvHL9ESIKIAj9+gH95gH9CwAAIAf9pwEhCCAF",
	"QeAAaiAKIAj9+gH95gH9CwAAIAb9hwEiBv2oASEIIAVB0ABqIAogCP36Af3mAf0LAAAgBv2nASEIIAVBwABqIAog",
	"CP36Af3mAf0LAAAgCf2IASIG/agBIQggBUEwaiAKIAj9+gH95gH9CwAAIAb9pwEhCCAFQSBqIAogCP36Af3mAf0L",
	"AAAgCf2HASIJ/agBIQggBUEQaiAKIAj9+gH95gH9CwAAIAn9pwEhCCAFIAogCP36Af3mAf0LAAAgAEEiaiEAIAVB",
	"gAFqIQUgBEHAAGohCyAEQSBqIgMhBCALIAJMDQALCwJAIAMgAk4NACABIANBAnRqIQUDQCAFIAD9AAAA/QsAACAF",
	"QRBqIQUgAEEQaiEAIANBBGoiAyACSA0ACwsLHgBBsIiAgAAgACABIAIgAyAEIAUgBiAHEIWAgIAAC7IDAwF/AnsD",
	"fwJAAkAgAkEgTg0AQQAhA/0MAAAAAAAAAAAAAAAAAAAAACIEIQUMAQtBACEGQQAhB/0MAAAAAAAAAAAAAAAAAAAA",
	"ACIFIQQDQCAEIAAgBmoiA/0AAAAgASAGaiII/QAAAP3mAf3kASADQSBq/QAAACAIQSBq/QAAAP3mAf3kASADQcAA",
	"av0AAAAgCEHAAGr9AAAA/eYB/eQBIANB4ABq/QAAACAIQeAAav0AAAD95gH95AEhBCAFIANBEGr9AAAAIAhBEGr9",
	"AAAA/eYB/eQBIANBMGr9AAAAIAhBMGr9AAAA/eYB/eQBIANB0ABq/QAAACAIQdAAav0AAAD95gH95AEgA0HwAGr9",
	"AAAAIAhB8ABq/QAAAP3mAf3kASEFIAZBgAFqIQYgB0HAAGohCCAHQSBqIgMhByAIIAJMDQALIAAgBmohAAsCQCAD",
	"IAJODQAgASADQQJ0aiEIA0AgBCAA/QAAACAI/QAAAP3mAf3kASEEIAhBEGohCCAAQRBqIQAgA0EEaiIDIAJIDQAL",
	"CyAFIAT95AEiBP0fACAE/R8BkiAE/R8CIAT9HwOSkgvECAUBfwJ7An8FewF/AkACQCACQSBODQBBACED/QwAAAAA",
	"AAAAAAAAAAAAAAAAIgQhBQwBCyABQfAAaiEGQQAhB/0MAAAAAAAAAAAAAAAAAAAAACIFIQQDQCAEIAZBkH9q/QAA",
	"ACAA/V0AACIIIAn9DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awB/QwAAACAAAAAgAAAAIAAAACAIgn9Tv0MAAAA",
	"AAAAAAAAAAAAAAAAACIKIAj9DP9//3//f/9/AAAAAAAAAAAiC/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwH9DAAA",
	"gHcAAIB3AACAdwAAgHciCP3mAf1Q/eYB/eQBIAZBsH9q/QAAACAAQRBq/V0AACIEIAn9DQABAAACAwAABAUAAAYH",
	"AABBEP2rAUEQ/awBIAn9TiAKIAQgC/1O/Q0QEQIDEhMGBxQVCgsWFw4PQQ39qwEgCP3mAf1Q/eYB/eQBIAZBUGr9",
	"AAAAIABBIGr9XQAAIgQgCf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgCf1OIAogBCAL/U79DRARAgMSEwYH",
	"FBUKCxYXDg9BDf2rASAI/eYB/VD95gH95AEgBkFwav0AAAAgAEEwav1dAAAiBCAJ/Q0AAQAAAgMAAAQFAAAGBwAA",
	"QRD9qwFBEP2sASAJ/U4gCiAEIAv9Tv0NEBECAxITBgcUFQoLFhcOD0EN/asBIAj95gH9UP3mAf3kASEEIAUgBkGg",
	"f2r9AAAAIABBCGr9XQAAIgwgCf0NAAEAAAIDAAAEBQAABgcAAEEQ/asBQRD9rAEgCf1OIAogDCAL/U79DRARAgMS",
	"EwYHFBUKCxYXDg9BDf2rASAI/eYB/VD95gH95AEgBkFAav0AAAAgAEEYav1dAAAiBSAJ/Q0AAQAAAgMAAAQFAAAG",
	"BwAAQRD9qwFBEP2sASAJ/U4gCiAFIAv9Tv0NEBECAxITBgcUFQoLFhcOD0EN/asBIAj95gH9UP3mAf3kASAGQWBq",
	"/QAAACAAQShq/V0AACIFIAn9DQABAAACAwAABAUAAAYHAABBEP2rAUEQ/awBIAn9TiAKIAUgC/1O/Q0QEQIDEhMG",
	"BxQVCgsWFw4PQQ39qwEgCP3mAf1Q/eYB/eQBIAb9AAAAIABBOGr9XQAAIgUgCf0NAAEAAAIDAAAEBQAABgcAAEEQ",
	"/asBQRD9rAEgCf1OIAogBSAL/U79DRARAgMSEwYHFBUKCxYXDg9BDf2rASAI/eYB/VD95gH95AEhBSAAQcAAaiEA",
	"IAZBgAFqIQYgB0HAAGohDSAHQSBqIgMhByANIAJMDQALCwJAIAMgAk4NACABIANBAnRqIQYDQCAEIAD9AAAAIAb9",
	"AAAA/eYB/eQBIQQgBkEQaiEGIABBEGohACADQQRqIgMgAkgNAAsLIAUgBP3kASIJ/R8AIAn9HwGSIAn9HwIgCf0f",
	"A5KSC5YFBgF/AnsCfwp7AX0BfwJAAkAgAkEgTg0AQQAhA/0MAAAAAAAAAAAAAAAAAAAAACIEIQUMAQsgAUHwAGoh",
	"BkEAIQf9DAAAAAAAAAAAAAAAAAAAAAAiBSEEA0AgAEECav0AAAAiCP0MDw8PDw8PDw8PDw8PDw8PDyIJ/U4iCv2K",
	"ASIL/aoBIQwgCv2JASIN/aoBIQogCEEE/Y0BIAn9TiII/YkBIg79qgEhDyAI/YoBIhD9qgEhESAAQQFqLAAAIgNB",
	"gICAgHhxIANBFXRBgICA/wBxIAAtAABBDXRyvkMAAIB3lLxyviISQwAAAMGU/RMiCCAS/RMiCSAM/foB/eYB/eQB",
	"IAZBQGr9AAAA/eYBIAUgBkGgf2r9AAAAIAggCSAK/foB/eYB/eQB/eYB/eQB/eQBIAggCSAP/foB/eYB/eQBIAZB",
	"YGr9AAAA/eYB/eQBIAggCSAR/foB/eYB/eQBIAb9AAAA/eYB/eQBIQUgC/2pASEMIA39qQEhCiAO/akBIQ8gEP2p",
	"ASERIAggCSAP/foB/eYB/eQBIAZBUGr9AAAA/eYBIAZBsH9q/QAAACAIIAkgDP36Af3mAf3kAf3mASAEIAZBkH9q",
	"/QAAACAIIAkgCv36Af3mAf3kAf3mAf3kAf3kAf3kASAIIAkgEf36Af3mAf3kASAGQXBq/QAAAP3mAf3kASEEIABB",
	"EmohACAGQYABaiEGIAdBwABqIRMgB0EgaiIDIQcgEyACTA0ACwsCQCADIAJODQAgASADQQJ0aiEGA0AgBCAA/QAA",
	"ACAG/QAAAP3mAf3kASEEIAZBEGohBiAAQRBqIQAgA0EEaiIDIAJIDQALCyAFIAT95AEiCP0fACAI/R8BkiAI/R8C",
	"IAj9HwOSkgu7BQUBfwJ7An8JewF/AkACQCACQSBODQBBACED/QwAAAAAAAAAAAAAAAAAAAAAIgQhBQwBCyABQfAA",
	"aiEGQQAhB/0MAAAAAAAAAAAAAAAAAAAAACIFIQQDQCAAQQRq/QAAACII/QwPDw8PDw8PDw8PDw8PDw8PIgn9TiIK",
	"/YoBIgv9qgEhDCAK/YkBIg39qgEhCiAIQQT9jQEgCf1OIgj9iQEiDv2qASEJIAj9igEiD/2qASEQIAUgBkGgf2r9",
	"AAAAIABBAWosAAAiA0GAgICAeHEgA0EVdEGAgID/AHEgAC0AAEENdHK+QwAAgHeUvHL9ESIIIAr9+gH95gEgAEED",
	"aiwAACIDQYCAgIB4cSADQRV0QYCAgP8AcSAAQQJqLQAAQQ10cr5DAACAd5S8cv0RIgr95AH95gH95AEgCCAM/foB",
	"/eYBIAr95AEgBkFAav0AAAD95gH95AEgCCAJ/foB/eYBIAr95AEgBkFgav0AAAD95gH95AEgCiAIIBD9+gH95gH9",
	"5AEgBv0AAAD95gH95AEhBSAL/akBIQwgDf2pASEJIA79qQEhECAP/akBIQsgCCAM/foB/eYBIAr95AEgBkGwf2r9",
	"AAAA/eYBIAQgBkGQf2r9AAAAIAggCf36Af3mASAK/eQB/eYB/eQB/eQBIAggEP36Af3mASAK/eQBIAZBUGr9AAAA",
	"/eYB/eQBIAggC/36Af3mASAK/eQBIAZBcGr9AAAA/eYB/eQBIQQgAEEUaiEAIAZBgAFqIQYgB0HAAGohESAHQSBq",
	"IgMhByARIAJMDQALCwJAIAMgAk4NACABIANBAnRqIQYDQCAEIAD9AAAAIAb9AAAA/eYB/eQBIQQgBkEQaiEGIABB",
	"EGohACADQQRqIgMgAkgNAAsLIAUgBP3kASII/R8AIAj9HwGSIAj9HwIgCP0fA5KSC8UEBQF/AnsCfwl7AX8CQAJA",
	"IAJBIE4NAEEAIQP9DAAAAAAAAAAAAAAAAAAAAAAiBCEFDAELIAFB8ABqIQZBACEH/QwAAAAAAAAAAAAAAAAAAAAA",
	"IgUhBANAIABBAmr9AAAAIgj9iAEiCf2oASEKIAj9hwEiC/2oASEMIABBEmr9AAAAIgj9hwEiDf2oASEOIAj9iAEi",
	"D/2oASEQIAUgAEEBaiwAACIDQYCAgIB4cSADQRV0QYCAgP8AcSAALQAAQQ10cr5DAACAd5S8cv0RIgggDP36Af3m",
	"ASAGQaB/av0AAAD95gH95AEgCCAK/foB/eYBIAZBQGr9AAAA/eYB/eQBIAggDv36Af3mASAGQWBq/QAAAP3mAf3k",
	"ASAIIBD9+gH95gEgBv0AAAD95gH95AEhBSAJ/acBIQogC/2nASEMIA39pwEhDiAP/acBIRAgBCAGQZB/av0AAAAg",
	"CCAM/foB/eYB/eYB/eQBIAggCv36Af3mASAGQbB/av0AAAD95gH95AEgCCAO/foB/eYBIAZBUGr9AAAA/eYB/eQB",
	"IAggEP36Af3mASAGQXBq/QAAAP3mAf3kASEEIABBImohACAGQYABaiEGIAdBwABqIREgB0EgaiIDIQcgESACTA0A",
	"CwsCQCADIAJODQAgASADQQJ0aiEGA0AgBCAA/QAAACAG/QAAAP3mAf3kASEEIAZBEGohBiAAQRBqIQAgA0EEaiID",
	"IAJIDQALCyAFIAT95AEiCP0fACAI/R8BkiAI/R8CIAj9HwOSkguiCQQFfwF7D38GewJAIAFBAUgNACAAQRBqIQYg",
	"AEEEaiEHIAJBAnQhCCAAQSRqIQkgBEF/cyACaiEKIAX9EyELIAAhDEEAIQ0DQCAAIA0gAmxBAnRqIQ4gDSADbSIP",
	"IARqIhBBBGpBBG0hEQJAIBBBAWoiEiACTg0AAkAgCiAPayITQQRJDQAgE0F8cSIUQXxqIhVBAnZBAWoiFkEDcSEX",
	"QQAhGAJAIBVBDEkNACAWQfz///8HcSEZIBBBAnQhGkEAIRggCSEWA0AgFiAaaiIV/QwAAID/AACA/wAAgP8AAID/",
	"Ihv9CwIAIBVBEGogG/0LAgAgFUFwaiAb/QsCACAVQWBqIBv9CwIAIBZBwABqIRYgGEEQaiEYIBlBfGoiGQ0ACwsC",
	"QCAXRQ0AIAcgBCAYaiAPakECdGohFQNAIBX9DAAAgP8AAID/AACA/wAAgP/9CwIAIBVBEGohFSAXQX9qIhcNAAsL",
	"IBMgFEYNASASIBRqIRILIAIgEmshFiAMIBJBAnRqIRUDQCAVQYCAgHw2AgAgFUEEaiEVIBZBf2oiFg0ACwsgEUEC",
	"dCEVIA79AAAAIRsCQCAQQQRIDQBBBCEXIAYhFgNAIBsgFv0AAAD96wEhGyAWQRBqIRYgF0EEaiIXIBVIDQALCwJA",
	"IBBBAEgNACAbIBsgG/0NCAkKCwwNDg8AAQIDBAUGB/3rASIbIBsgG/0NBAUGBwABAgMMDQ4PCAkKC/3rASAb/Q0A",
	"AQIDAAECAwABAgMAAQIDIRz9DAAAAAAAAAAAAAAAAAAAAAAhHUEAIRcgDCEWA0AgFv0MAAAAAAAAAAAAAAAAAAAA",
	"AP0MAACwQgAAsEIAALBCAACwQv0MAACuwgAArsIAAK7CAACuwiIeIAsgFv0AAAAgHP3lAf3mASIf/esB/eoBIiD9",
	"DDuquD87qrg/O6q4PzuquD/95gH9aiIb/fgBQRf9qwEgG/0Mg4BeOYOAXjmDgF45g4BeOf3mASAgIBv9DACAMb8A",
	"gDG/AIAxvwCAMb/95gH95AH95AEiGyAbIBsgGyAbIBsgGyAb/QxnaVA5Z2lQOWdpUDlnaVA5/eYB/QzOQ7c6zkO3",
	"Os5DtzrOQ7c6/eQB/eYB/QwIiQg8CIkIPAiJCDwIiQg8/eQB/eYB/QzBqSo9wakqPcGpKj3BqSo9/eQB/eYB/Qyq",
	"qio+qqoqPqqqKj6qqio+/eQB/eYB/QwAAAA/AAAAPwAAAD8AAAA//eQB/eYB/eYB/eQB/QwAAIA/AACAPwAAgD8A",
	"AIA//eQB/a4BIB8gHv1D/VIiG/0LAAAgHSAb/eQBIR0gFkEQaiEWIBdBBGoiFyAVSA0ACyAd/R8AIB39HwGSIB39",
	"HwIgHf0fA5KS/RMhG0EAIRcgDCEWA0AgFiAW/QAAACAb/ecB/QsAACAWQRBqIRYgF0EEaiIXIBVIDQALCwJAIBUg",
	"Ak4NACAMIBVBAnRqIRYDQCAW/QwAAAAAAAAAAAAAAAAAAAAA/QsAACAWQRBqIRYgFUEEaiIVIAJIDQALCyAGIAhq",
	"IQYgDCAIaiEMIAcgCGohByAJIAhqIQkgDUEBaiINIAFHDQALCwuvAwIBfwR7AkAgAkEBSA0AQQAhAwNAIAEgAf0A",
	"AAAgAP0AAAAiBP0MAACAPwAAgD8AAIA/AACAPyIFIAX9DAAAsEIAALBCAACwQgAAsEL9DAAArsIAAK7CAACuwgAA",
	"rsIgBP3hAf3rAf3qASIG/Qw7qrg/O6q4PzuquD87qrg//eYB/WoiB/34AUEX/asBIAUgB/0Mg4BeOYOAXjmDgF45",
	"g4BeOf3mASAGIAf9DACAMb8AgDG/AIAxvwCAMb/95gH95AH95AEiByAHIAcgByAHIAcgByAH/QxnaVA5Z2lQOWdp",
	"UDlnaVA5/eYB/QzOQ7c6zkO3Os5DtzrOQ7c6/eQB/eYB/QwIiQg8CIkIPAiJCDwIiQg8/eQB/eYB/QzBqSo9wakq",
	"PcGpKj3BqSo9/eQB/eYB/Qyqqio+qqoqPqqqKj6qqio+/eQB/eYB/QwAAAA/AAAAPwAAAD8AAAA//eQB/eYB/eYB",
	"/eQB/eQB/a4B/eQBIAT9DAAArkIAAK5CAACuQgAArkL9RP1S/ecB/eYB/QsAACAAQRBqIQAgAUEQaiEBIANBBGoi",
	"AyACSA0ACwsLC0MBAEGACAs8gAAAAAEAAAACAAAAQAAAAAMAAAAEAAAAEgAAAAUAAAAGAAAAFAAAAAcAAAAIAAAA",
	"IgAAAAkAAAAKAAAA",
].join("");
return { WASM };
});
define("live/matrices.js", () => {
const { LiveError } = modules["live/errors.js"];
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
			throw new LiveError("there is not enough memory for it");
		}
		return offset;
	}
	scratchFor(size) {
		if (size > this.scratch.size) this.scratch = { offset: this.reserve(size), size };
		return this.scratch.offset;
	}
	multiply({ type, rows, columns, stride, offset }, x, n) {
		const sizes = 4 * n * (columns + rows);
		const input = this.scratchFor(sizes + this.functions.room_size());
		const output = input + 4 * n * columns;
		this.floats(input, n * columns).set(x);
		const room = input + sizes;
		const multiply = this.functions[`multiply_${type}`];
		multiply(offset, stride, input, output, rows, columns, n, room);
		return this.floats(output, n * rows).slice();
	}
	softmax(scores, { columns, group, start, scale }) {
		const room = this.scratchFor(4 * scores.length);
		this.floats(room, scores.length).set(scores);
		this.functions.softmax(room, scores.length / columns, columns, group, start, scale);
		scores.set(this.floats(room, scores.length));
	}
	gateBySilu(gate, up) {
		const count = up.length;
		const first = this.scratchFor(8 * count);
		const second = first + 4 * count;
		this.floats(first, count).set(gate);
		this.floats(second, count).set(up);
		this.functions.gate_by_silu(first, second, count);
		up.set(this.floats(second, count));
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
	softmax(scores, { columns, group, start, scale }) {
		for (let row = 0; row * columns < scores.length; row++) {
			const position = start + Math.floor(row / group);
			const all = scores.subarray(row * columns, (row + 1) * columns);
			const seen = all.subarray(0, position + 1);
			const most = seen.reduce((a, b) => Math.max(a, b));
			let sum = 0;
			for (let key = 0; key <= position; key++) {
				seen[key] = Math.exp((seen[key] - most) * scale);
				sum += seen[key];
			}
			for (let key = 0; key <= position; key++) seen[key] /= sum;
			all.fill(0, position + 1);
		}
	}
	gateBySilu(gate, up) {
		for (let i = 0; i < up.length; i++) up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
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
const { LiveError } = modules["live/errors.js"];
const { readHeader } = modules["live/gguf.js"];
const { Matrices } = modules["live/matrices.js"];
const { Model } = modules["live/model.js"];
const CAPACITY = 640; // tokens, of the text and what is written after it
const CHUNK = 64; // tokens that run at a time
const MAX_WORK = 50; // milliseconds between two pauses
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
			throw new LiveError("the file is damaged: its sha256 is not the one that the book states");
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
		let rested = performance.now();
		for (let done = 0; done < ids.length; done += CHUNK) {
			const chunk = ids.slice(done, done + CHUNK);
			const pass = this.model.pass(chunk, this.changes);
			for (let step = pass.next(); ; step = pass.next()) {
				if (step.done) {
					logits = step.value;
					break;
				}
				if (performance.now() - rested < MAX_WORK) continue;
				this.report((done + step.value * chunk.length) / ids.length);
				await pause();
				if (job !== this.job) return null;
				rested = performance.now();
			}
		}
		await pause();
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
const { t } = modules["scripts/messages.js"];
const { Engine } = modules["live/engine.js"];
const { LiveError } = modules["live/errors.js"];
const { decodeBase64 } = modules["live/matrices.js"];
const workerSource = ['"use strict"; const modules = {};'].concat(["live/errors.js", "live/model.js", "live/checks.js", "live/gguf.js", "live/wasm.js", "live/matrices.js", "live/engine.js", "live/worker.js"].map((name) => (
	`modules["${name}"] = (${sources[name]})();`
))).join("\n");
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
		else reject(new LiveError(error.message, error.values));
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
function reasonOf(error) {
	return error instanceof LiveError ? t(error.pattern, error.values) : error.message;
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
return { reasonOf, LiveModel };
});
define("live/layers.js", () => {
const { t } = modules["scripts/messages.js"];
const { element, on, percent } = modules["scripts/common.js"];
const SHOWN = 3;
const PLACES = ["", ".try-second", ".try-third"]; // narrow tables leave out the last ones
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
return { Layers };
});
define("live/gguf_tokenizer.js", () => {
const { openTokenizer } = modules["scripts/tokenizer.js"];
const { LiveError } = modules["live/errors.js"];
const SPECIAL = new Set([2, 3]); // token types: unknown, control
const USER_DEFINED = 4;
const DIGITS = { type: "Digits", individual_digits: true };
const BYTES = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const LISTS = { tokens: "string", token_type: "number", merges: "string" };
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
	const split = Object.hasOwn(SPLITS, get("pre")) && SPLITS[get("pre")];
	if (get("model") !== "gpt2" || !split) {
		const rule = get("model") === "gpt2" ? get("pre") : get("model");
		throw new LiveError("this page cannot cut text by the tokenizer's rule {rule}", { rule });
	}
	if (get("add_bos_token") || get("add_eos_token") || get("add_space_prefix")) {
		throw new LiveError("this page cannot use a tokenizer that adds something to each text");
	}
	for (const [key, kind] of Object.entries(LISTS)) {
		const list = get(key);
		if (!Array.isArray(list) || list.some((item) => typeof item !== kind))
			throw new LiveError("the header lacks {key}", { key: `tokenizer.ggml.${key}` });
	}
	const chatTemplate = settings["tokenizer.chat_template"] ?? "";
	if (typeof chatTemplate !== "string")
		throw new LiveError("the header lacks {key}", { key: "tokenizer.chat_template" });
	const tokens = get("tokens");
	if (tokens.length !== size) {
		throw new LiveError("the tokenizer has {count} tokens, and the model {size}", {
			count: tokens.length,
			size,
		});
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
		chatTemplate,
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
const KEY = "file"; // one file: another model replaces it
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
const { LiveModel, reasonOf } = modules["live/client.js"];
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
			if (!window.layerbookManifest) throw new Error("it has no manifest");
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
				reason: reasonOf(error),
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
const { drawRank, Scores } = modules["scripts/sampling.js"];
const SHOWN = 12;
const MIN_MARKED = 0.002; // below that a mark would only be noise
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
		if (this.before?.[id] > MIN_MARKED)
			element("b", {}, share).style.left = `${100 * this.before[id]}%`;
		element("span.explorer-value", {}, item, percent(this.own[rank]));
		const drawn = this.sampled.probs[rank];
		element("span.explorer-value.try-drawn", {}, item, drawn ? percent(drawn) : t("never"));
		return item;
	}
	pick() {
		return this.scores.order[drawRank(this.sampled)];
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
const { reasonOf } = modules["live/client.js"];
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
		const [best] = this.attention.notable;
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
		if (!ids.length) return this.showStatus(t("Write something first."));
		if (ids.length > this.capacity) {
			const counts = { count: grouped(ids.length), most: grouped(this.capacity) };
			return this.showStatus(t("That is {count} tokens; this page reads up to {most}.", counts));
		}
		turn = turn.then(() => this.run(ids));
		return turn;
	}
	async run(ids) {
		this.showStatus(t("Reading …"));
		this.progress.hidden = false;
		shared.loader.onProgress = (share) => (this.progress.value = share);
		try {
			const logits = await shared.model.run(ids);
			if (ids.length > this.ids.length && this.ids.every((id, i) => id === ids[i]))
				this.showAppended(ids);
			this.ids = ids;
			await this.view.show(shared.model, ids, logits);
			this.showStatus(
				this.note || plural(ids.length, "{count} token read.", "{count} tokens read."),
			);
		} catch (error) {
			this.showStatus(t("Something went wrong: {reason}.", { reason: reasonOf(error) }));
		}
		this.progress.hidden = true;
	}
	showAppended(ids) {
		const bytes = ids.flatMap((id) => [...this.tokenizer.token(id).bytes]);
		this.field.value = new TextDecoder().decode(Uint8Array.from(bytes));
	}
	showStatus(text) {
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
