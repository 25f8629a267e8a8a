// Checks whether this page can run a model. It refuses what it does not understand, and says why,
// because nobody would notice wrong numbers.

import { LiveError } from "./errors.js";
import { readShape } from "./model.js";

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

// The tensors of a Llama without biases, with their rows and columns.
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

// Throws a LiveError that says what the page cannot run.
export function checkModel(header) {
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
