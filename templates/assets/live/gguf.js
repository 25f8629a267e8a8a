// Reads the header of a GGUF file: settings by name, and where each tensor lies.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

import { LiveError } from "./errors.js";

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

	// `method` is one of DataView's.
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

// One tensor's entry; its `offset` counts from the end of the header.
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

// {settings, tensors} of a file's bytes; a tensor's `offset` counts from the file's first byte.
export function readHeader(bytes) {
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
