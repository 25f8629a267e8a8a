// Loads the model: from the scripts beside the page, or from a file that the reader chooses.

import { t } from "../scripts/messages.js";
import { loadScript, on } from "../scripts/common.js";
import { LiveModel } from "./client.js";
import { readTokenizer } from "./gguf_tokenizer.js";

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
		on(this.button, "click", () => this.loadFolder());
		on(input, "change", () => this.loadFile(input.files[0]));
		on(box, "dragover drop", (event) => {
			event.preventDefault();
			const [file] = event.dataTransfer.files;
			if (event.type === "drop" && file) this.loadFile(file);
		});
		box.hidden = false;
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
		if (this.button.disabled) return;
		this.button.disabled = true;
		this.progress.hidden = false;
		this.status.textContent = t("Reading the model …");
		let model;
		try {
			for (const library of this.box.dataset.libraries.split(" ")) await loadScript(library);
			model = await LiveModel.start({ report: (share) => this.report(share) });
			const opened = await read(model);
			const tokenizer = readTokenizer(opened.tokenizer, opened.shape.vocabulary);
			this.box.hidden = true;
			this.start({ ...opened, model, tokenizer, note: this.noteOn(opened.digest) });
		} catch (error) {
			model?.close();
			this.status.textContent = t("The model cannot be loaded: {reason}.", {
				reason: error.message,
			});
			this.button.disabled = false;
			this.progress.hidden = true;
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
