// The heavy arithmetic: products of matrices with vectors, softmax, and the MLP's gate. Matrices stay
// as the GGUF file stores them, in blocks of 32 weights: at float32 a model would take five times the
// memory. WebAssembly does the work, or plain JavaScript where there is none; both unpack to the same
// float32 numbers.

import { LiveError } from "./errors.js";
import { WASM } from "./wasm.js";

const PAGE = 65536; // bytes by which the memory of WebAssembly grows
const BLOCK = 32;

export function decodeBase64(text) {
	if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
	return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

const roundUp = (number, unit) => Math.ceil(number / unit) * unit;

// One memory for the file, for vectors, and for the keys and values of past tokens.
export class Matrices {
	// By WebAssembly; by JavaScript if that is missing, or not wanted.
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

	// A matrix of zeros in float32, to be written row by row.
	zeros(rows, columns) {
		const offset = this.reserve(4 * rows * columns);
		this.floats(offset, rows * columns).fill(0);
		return { type: "F32", rows, columns, stride: 4 * columns, offset };
	}

	// The numbers of a float32 matrix in place; growing memory detaches them, so use them at once.
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

	// The offset of new memory.
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

	// Each of `n` vectors, one after the other in x, times a matrix [rows, columns].
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

	// Softmax in place of scores times `scale`, a row of `columns` for each query. A query sees the
	// keys up to its own; `group` queries have one token, the first of them the one at `start`.
	softmax(scores, { columns, group, start, scale }) {
		const room = this.scratchFor(4 * scores.length);
		this.floats(room, scores.length).set(scores);
		this.functions.softmax(room, scores.length / columns, columns, group, start, scale);
		scores.set(this.floats(room, scores.length));
	}

	// silu(gate) * up, in place of `up`.
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

// The float16 in two bytes.
function half(view, offset) {
	const bits = view.getUint16(offset, true);
	const exponent = (bits >> 10) & 31;
	const fraction = bits & 1023;
	const size = exponent
		? (1 + fraction / 1024) * 2 ** (exponent - 15)
		: (fraction / 1024) * 2 ** -14;
	return bits & 0x8000 ? -size : size;
}

// Weights 0 to 15 are the low halves of 16 bytes, weights 16 to 31 the high halves.
const nibble = (view, offset, i) => (view.getUint8(offset + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;

// How weight i of a block of so many bytes is read.
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

	// The offset of new memory; the first is the file's, and takes as much as is asked for.
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
