// Calls to an engine, which return promises. The engine runs in a worker, or on the page itself if
// no worker starts. The worker is made from a text in this script, because pages opened from disk
// cannot load one from a file.

import { loadScript } from "../scripts/common.js";
import { t } from "../scripts/messages.js";
import { Engine } from "./engine.js";
import { LiveError } from "./errors.js";
import { decodeBase64 } from "./matrices.js";
import workerSource from "./worker.js?raw";

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

// The reason for an error, in the language of the book if the error is ours.
export function reasonOf(error) {
	return error instanceof LiveError ? t(error.pattern, error.values) : error.message;
}

// A model in the page. Methods answer with promises of what the engine's return.
export class LiveModel {
	parts = []; // of the file, as blobs

	// `report` is called with the share that is done, of loading or of running. `worker` and `plain`
	// are for tests: no worker, no WebAssembly.
	static async start({ report = () => {}, worker = true, plain = false } = {}) {
		const calls = worker ? await startCalls(report) : new PageCalls(report);
		return new LiveModel(calls, report, plain);
	}

	constructor(calls, report, plain) {
		Object.assign(this, { calls, report, plain });
	}

	// Loads the scripts in a folder that its manifest lists.
	async loadFolder(folder, { size, sha256, parts }) {
		const writes = [];
		// The text is a comment, which browsers keep no second copy of.
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

	// Loads a file from its parts, which are blobs, in their order.
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

	// Loads a GGUF file that the reader has chosen.
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

	// Frees its memory.
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
