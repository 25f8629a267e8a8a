// Loads the model: as the browser has saved it, from the scripts beside the page, or from a file
// that the reader chooses.

import { t } from "../scripts/messages.js";
import { loadScript, on } from "../scripts/common.js";
import { LiveModel, reasonOf } from "./client.js";
import { readTokenizer } from "./gguf_tokenizer.js";
import { forgetSaved, readSaved, save } from "./saved_model.js";

const FOLDER = "live";

// `start` is called with {model, tokenizer, capacity} once all is there.
export class Loader {
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

	// True if it could be loaded.
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
