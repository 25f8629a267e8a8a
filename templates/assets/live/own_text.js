// A box in a chapter that shows one side of the model on the reader's own text. All boxes of a page
// share one model.

import { on } from "../scripts/common.js";
import { grouped, plural, t } from "../scripts/messages.js";
import { LiveAttention } from "./attention.js";
import { reasonOf } from "./client.js";
import { Layers } from "./layers.js";
import { Loader } from "./loader.js";
import { NextToken } from "./next_token.js";

const FIRST_TEXT = "The capital of France is";

let shared = null; // {model, tokenizer, shape, capacity, note, loader}, once a box has loaded it
const waiting = []; // boxes that were opened before that
let turn = Promise.resolve(); // the model reads one text at a time

class AttentionView {
	constructor(box, { shape, shades, token }) {
		this.attention = new LiveAttention(box, { shape, shades, token });
	}

	// Opens on the first of the heads worth a look, and then stays where the reader is.
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

export class OwnText {
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
