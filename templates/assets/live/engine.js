// Loads a model, runs texts and looks inside, in a worker or on the page itself. Long work pauses, so
// that it can be stopped and the page can draw.

import { checkModel } from "./checks.js";
import { LiveError } from "./errors.js";
import { readHeader } from "./gguf.js";
import { Matrices } from "./matrices.js";
import { Model } from "./model.js";

const CAPACITY = 640; // tokens, of the text and what is written after it
const CHUNK = 64; // tokens that run at a time
const MAX_WORK = 50; // milliseconds between two pauses

const pause = () => new Promise((resolve) => setTimeout(resolve));

// The ids of the `count` best tokens; of equal scores, the lower id first.
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

// The best tokens with their probabilities.
export function topTokens(logits, count) {
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

export class Engine {
	job = 0; // a run goes on while this is its number

	// `report` is called with the share of a text that has run.
	constructor(report = () => {}) {
		this.report = report;
	}

	// Makes room for a file of so many bytes; `plain`: without WebAssembly.
	async allocate(size, { plain = false } = {}) {
		this.matrices = await Matrices.create({ plain });
		this.size = size;
		this.offset = this.matrices.reserve(size);
	}

	write(offset, bytes) {
		this.matrices.bytes(this.offset, this.size).set(bytes, offset);
	}

	// Checks the file and makes it ready. Returns its digest (null where the browser computes none),
	// the model's shape, and the settings of its tokenizer.
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

	// Runs a text from its first token on. Returns the logits after it, or null if it was stopped,
	// as it is by another run.
	async run(ids, changes = {}) {
		this.model.reset();
		this.changes = asSets(changes);
		return this.extend(ids);
	}

	// Runs more tokens after those before.
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

	// The best tokens after the embedding and after each layer.
	lens(position, count) {
		const logits = this.model.lens(position);
		const size = this.model.shape.vocabulary;
		return Array.from({ length: logits.length / size }, (_, layer) =>
			topTokens(logits.subarray(layer * size, (layer + 1) * size), count),
		);
	}
}
