// The tokenizer and the chat template that a GGUF file carries.

import { openTokenizer } from "../scripts/tokenizer.js";
import { LiveError } from "./errors.js";

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

// `settings` are the header's whose names begin with `tokenizer.`, `size` is the number of tokens
// that the model knows. Throws a LiveError with what the page cannot do.
export function readTokenizer(settings, size) {
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

// The text of a conversation, with the opening of the model's next turn.
export function renderChat({ chatTemplate, bos, eos }, messages) {
	const template = new window.layerbookJinja.Template(chatTemplate);
	return template.render({
		messages,
		add_generation_prompt: true,
		bos_token: bos,
		eos_token: eos,
	});
}
