// A tokenizer for texts of the reader's own, made of the vendored library and the page's data.

const MARKS = { " ": "·", "\n": "⏎", "\t": "⇥", "\r": "⇤" };
const WITHOUT_SHAPE = /[\p{C}\p{Z}]/u;
const BYTE_PIECE = /^<0x[0-9A-F]{2}>$/;
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

export const hex = (number, width) => number.toString(16).toUpperCase().padStart(width, "0");

// Byte-level tokenizers spell a byte as a printable character: Latin-1 where that is one, else
// one past 255.
function byteSpelling() {
	const byteOf = new Map();
	let next = 256;
	for (let byte = 0; byte < 256; byte++) {
		const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
		byteOf.set(String.fromCharCode(printable ? byte : next++), byte);
	}
	return byteOf;
}

const BYTE_OF = byteSpelling();
const encoder = new TextEncoder();

// The data has the merges as pairs of ids. Who merges them in order has the vocabulary: each new
// piece takes the lowest free id.
function readVocabulary({ base, merges }) {
	const idOf = Object.create(null);
	const pieces = [];
	const pairs = [];
	let free = 0;
	for (const [piece, id] of base) {
		idOf[piece] = id;
		pieces[id] = piece;
	}
	for (let i = 0; i < merges.length; i += 2) {
		const pair = [pieces[merges[i]], pieces[merges[i + 1]]];
		const piece = pair.join("");
		pairs.push(pair);
		if (idOf[piece] !== undefined) continue;
		while (pieces[free] !== undefined) free++;
		idOf[piece] = free;
		pieces[free] = piece;
	}
	return { idOf, merges: pairs };
}

const sequence = (...pretokenizers) => ({ type: "Sequence", pretokenizers });

const split = (Regex) => ({
	type: "Split",
	pattern: { Regex },
	behavior: "Isolated",
	invert: false,
});

// For the library only 0 to 9 are digits, and whitespace is JavaScript's; here both are Unicode's.
function withUnicodeClasses(step) {
	if (step?.type === "Sequence") return sequence(...step.pretokenizers.map(withUnicodeClasses));
	if (step?.type === "Digits") return split(step.individual_digits ? "\\p{N}" : "\\p{N}+");
	const splitsWords = step?.type === "ByteLevel" && step.use_regex !== false;
	if (!splitsWords || step.add_prefix_space) return step;
	return sequence(split(WORDS), { ...step, use_regex: false });
}

// A byte that no entry can write is dropped first, so that its neighbors may merge.
function withoutUnwritable(step, model, idOf) {
	const unwritable = [...BYTE_OF.keys()].filter((char) => idOf[char] === undefined);
	const bytewise = JSON.stringify(step).includes('"ByteLevel"');
	if (!unwritable.length || !bytewise || model.unk_token || model.byte_fallback) return step;
	const escapes = unwritable.map((char) => `\\u{${hex(char.codePointAt(0), 4)}}`);
	const drop = { type: "Replace", pattern: { Regex: `[${escapes.join("")}]` }, content: "" };
	return sequence(step, drop);
}

const stepsOf = (step) => {
	if (step?.type !== "Sequence") return step ? [step] : [];
	return (step.decoders ?? step.pretokenizers).flatMap(stepsOf);
};

function replacementsOf(step) {
	if (step.type === "Metaspace") return [[step.replacement, " "]];
	if (step.type === "Replace" && step.pattern.String) return [[step.pattern.String, step.content]];
	return step.type === "BPEDecoder" ? [[step.suffix, " "]] : [];
}

// The way in which entries spell bytes, by the kind of the decoder: `é` is a letter in one vocabulary and the
// byte E9 in another.
function readSpelling({ decoder, pre_tokenizer, model }) {
	const steps = stepsOf(decoder ?? pre_tokenizer);
	const kinds = new Set(steps.map((step) => step.type));
	return {
		byteLevel: kinds.has("ByteLevel"),
		byteFallback: kinds.has("ByteFallback") || model.byte_fallback === true,
		replacements: steps.flatMap(replacementsOf),
	};
}

// A tokenizer from the settings that `tokenizer.json` has, the vocabulary as an object: `tokenize`
// from a text to its tokens, and `token` from an id.
export function openTokenizer(settings) {
	const { model } = settings;
	const steps = withUnicodeClasses(settings.pre_tokenizer) || null;
	const pre_tokenizer = withoutUnwritable(steps, model, model.vocab);
	const library = new window.layerbookTokenizers.Tokenizer({ ...settings, pre_tokenizer }, {});
	const spelling = readSpelling(settings);
	const added = new Map((settings.added_tokens ?? []).map((token) => [token.id, token]));
	const token = (id) => asToken(id, library.id_to_token(id), added.get(id), spelling);
	return { token, tokenize: (text) => library.encode(text).ids.map(token) };
}

// The same from the page's data, and `stagesOf` from a text's tokens to how they are merged.
export function createTokenizer(data) {
	const { idOf, merges } = readVocabulary(data);
	const model = { ...data.settings.model, vocab: idOf, merges };
	const { token, tokenize } = openTokenizer({ ...data.settings, model });
	return { tokenize, stagesOf: mergeStages(idOf, merges, token) };
}

// The pieces of a text before the first merge and after each: always the pair that comes first in
// the list, and never beyond the end of a token. Nothing if the merges do not lead to the tokens.
function mergeStages(idOf, merges, token) {
	const ids = merges.map(([left, right]) => [idOf[left], idOf[right], idOf[left + right]]);
	const rankOf = new Map(ids.map(([left, right], rank) => [`${left} ${right}`, rank]));
	const pieceOf = new Map(Object.entries(idOf).map(([piece, id]) => [id, piece]));
	const charactersOf = ({ id, special }) => {
		const characters = special ? [] : Array.from(pieceOf.get(id) ?? "", (char) => idOf[char]);
		return characters.length && !characters.includes(undefined) ? characters : [id];
	};
	return (tokens) => {
		let words = tokens.map(charactersOf);
		const stages = [{ tokens: words.flat().map(token) }];
		for (let rank; (rank = firstRank(words, rankOf)) < Infinity;) {
			const [left, right, whole] = ids[rank];
			words = words.map((word) => mergePair(word, left, right, whole));
			const pieces = words.flat().map(token);
			stages.push({ tokens: pieces, rank: rank + 1, merge: [left, right, whole].map(token) });
		}
		const last = words.flat();
		const same = last.length === tokens.length && tokens.every(({ id }, i) => id === last[i]);
		return same ? stages : [];
	};
}

// The lowest rank of all neighbors, or Infinity.
function firstRank(words, rankOf) {
	const ranks = words.flatMap((word) =>
		word.slice(1).map((right, i) => rankOf.get(`${word[i]} ${right}`) ?? Infinity),
	);
	return ranks.reduce((least, rank) => Math.min(least, rank), Infinity);
}

function mergePair(word, left, right, whole) {
	const merged = [];
	for (const id of word) {
		if (id === right && merged.at(-1) === left) merged[merged.length - 1] = whole;
		else merged.push(id);
	}
	return merged;
}

function asToken(id, piece, added, spelling) {
	const special = added?.special === true;
	const bytes = special ? encoder.encode(piece) : bytesOf(piece, added, spelling);
	const text = special ? piece : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
	return { id, text, bytes, special, shown: special ? piece : showBytes(text, bytes) };
}

// An added token is written as it is, whatever the spelling of the others.
function bytesOf(piece, added, { byteLevel, byteFallback, replacements }) {
	if (!added && byteFallback && BYTE_PIECE.test(piece)) {
		return Uint8Array.of(Number.parseInt(piece.slice(3, 5), 16));
	}
	const chars = [...piece];
	if (!added && byteLevel && chars.every((char) => BYTE_OF.has(char))) {
		return Uint8Array.from(chars, (char) => BYTE_OF.get(char));
	}
	const replaced = replacements.reduce(
		(whole, [part, text]) => whole.replaceAll(part, text),
		piece,
	);
	return encoder.encode(replaced);
}

function showBytes(text, bytes) {
	if (!text.includes("\uFFFD")) return showText(text);
	return Array.from(bytes, (byte) => `<0x${hex(byte, 2)}>`).join("");
}

function showChar(char) {
	if (MARKS[char]) return MARKS[char];
	return WITHOUT_SHAPE.test(char) ? `<U+${hex(char.codePointAt(0), 4)}>` : char;
}

// As everywhere in the book: whitespace drawn, what has no shape by its number.
export const showText = (text) => Array.from(text, showChar).join("");
