// The page that runs the model on the reader's own text: it reads the text, shows what goes on
// inside, and writes on.

import { grouped, plural, t } from "../scripts/messages.js";
import { clamp, element, hasModifier, on, targetOfKey } from "../scripts/common.js";
import { MEAN } from "../scripts/patterns.js";
import { LiveAttention } from "./attention.js";
import { Changes } from "./changes.js";
import { reasonOf } from "./client.js";
import { EXAMPLES } from "./examples.js";
import { readFragment, writeFragment } from "./fragment.js";
import { renderChat } from "./gguf_tokenizer.js";
import { Layers } from "./layers.js";
import { Loader } from "./loader.js";
import { NextToken } from "./next_token.js";

const MAX_WRITTEN = 60; // tokens at a time
const MAX_ANSWERED = 200; // in a chat
const CHIP_MARGIN = 5; // pixels below the chosen token in the list

export class TryPage {
	ids = []; // all tokens: read and written
	written = 0; // how many of them the model has written
	messages = []; // of the chat
	mode = "text";
	position = 0;
	busy = false;
	writing = false;
	ready = false; // the model has read all of `ids`

	constructor(app, loadBox) {
		this.app = app;
		this.loader = new Loader(loadBox, (loaded) => this.start(loaded));
		this.shades = loadBox.dataset.shades;
		this.buttons = {};
		for (const button of app.querySelectorAll("button[name]")) this.buttons[button.name] = button;
	}

	find(selector) {
		return this.app.querySelector(selector);
	}

	async start({ model, tokenizer, shape, capacity, note }) {
		Object.assign(this, { model, tokenizer, shape, capacity, note });
		this.loader.onProgress = (share) => (this.progress.value = share);
		this.field = this.find("textarea");
		this.output = this.find(".try-output");
		this.chips = this.find(".try-chips");
		this.progress = this.find("progress");
		this.status = this.find(".try-text .try-status");
		this.modes = [...this.app.querySelectorAll("[data-mode]")];
		const token = (id) => this.token(id);
		this.next = new NextToken(this.find(".try-next"), {
			token,
			choose: (id) => this.append(id),
			changed: () => this.share(),
		});
		const toggleMlp = (layer) => this.changes.toggle("mlps", layer);
		this.layers = new Layers(this.find(".try-layers"), { token, toggleMlp });
		this.attention = new LiveAttention(this.find(".try-attention"), {
			shape,
			shades: this.shades,
			token,
			onPattern: () => this.showHead(),
		});
		this.modes[1].hidden = !tokenizer.chatTemplate;
		this.changes = new Changes(this.find(".try-changes"), shape.heads, () => this.read());
		this.connect();
		this.app.hidden = false;
		this.restore();
		this.field.focus();
		await this.readField();
	}

	connect() {
		const { read, write, stop, block, head } = this.buttons;
		on(read, "click", () => this.readField());
		on(write, "click", () => this.writeOn(MAX_WRITTEN));
		on(stop, "click", () => this.stop());
		on(block, "click", () => this.changes.toggle("blocked", this.position));
		on(head, "click", () => this.toggleHead());
		on(this.field, "keydown", (event) => {
			if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
			event.preventDefault();
			this.readField();
		});
		for (const button of this.modes) on(button, "click", () => this.setMode(button.dataset.mode));
		const examples = this.find(".try-examples [role='group']");
		for (const [name, mode, text] of EXAMPLES) {
			on(element("button", {}, examples, t(name)), "click", () => this.showExample(mode, text));
		}
		on(this.chips, "click", ({ target }) => {
			const index = [...this.chips.children].indexOf(target.closest("li"));
			if (index >= 0) this.choose(index);
		});
		on(this.chips, "keydown", (event) => {
			const target = targetOfKey(event, this.position, this.ids.length - 1);
			if (target === undefined || hasModifier(event)) return;
			event.preventDefault();
			this.choose(target);
		});
		on(window, "hashchange", () => {
			if (location.hash === this.fragment) return;
			this.restore();
			this.readField();
		});
	}

	token(id) {
		return this.tokenizer.token(id);
	}

	textOf(ids) {
		const bytes = ids.flatMap((id) => [...this.token(id).bytes]);
		return new TextDecoder().decode(Uint8Array.from(bytes));
	}

	// --- input ---

	setMode(mode) {
		this.mode = mode;
		this.messages = [];
		for (const button of this.modes) button.ariaPressed = button.dataset.mode === mode;
		this.buttons.read.textContent = mode === "chat" ? t("Ask") : t("Read it");
		this.buttons.write.hidden = mode === "chat";
		this.field.ariaLabel = mode === "chat" ? t("Your message") : t("Your text");
	}

	showExample(mode, text) {
		this.setMode(mode);
		this.field.value = text;
		return this.readField();
	}

	// Sets the controls to the state in the address.
	restore() {
		const { text, mode, knobs, changes } = readFragment(location.hash, this.shape);
		this.setMode(mode ?? "text");
		this.field.value = text ?? EXAMPLES[0][2];
		if (knobs) this.next.setKnobs(knobs);
		this.changes.restore(changes);
	}

	// Writes the state into the address, so that a link brings it back.
	share() {
		if (!this.changes) return;
		const { mode, changes, next } = this;
		this.fragment = writeFragment({ text: this.text, mode, knobs: next.knobs, changes });
		if (location.hash !== this.fragment) location.replace(this.fragment);
	}

	async readField() {
		this.text = this.field.value;
		const isChat = this.mode === "chat";
		const messages = [...this.messages, { role: "user", content: this.text }];
		let ids;
		try {
			ids = isChat ? this.encodeChat(messages) : this.encode(this.text);
		} catch (error) {
			return this.showError(error); // of the model's chat template or tokenizer
		}
		if (!this.text || !ids.length) return this.showStatus(t("Write something first."));
		if (ids.length > this.capacity) {
			const counts = { count: grouped(ids.length), most: grouped(this.capacity) };
			return this.showStatus(t("That is {count} tokens; this page reads up to {most}.", counts));
		}
		this.ids = ids;
		this.written = 0;
		this.changes.dropBlockedFrom(ids.length);
		if (isChat) this.messages = messages;
		const done = await this.read();
		if (isChat && done) await this.answer();
		else if (isChat) this.messages.pop();
	}

	encode(text) {
		return this.tokenizer.tokenize(text).map(({ id }) => id);
	}

	// Drops the oldest questions and their answers until there is room for a new answer.
	encodeChat(messages) {
		for (;;) {
			const ids = this.encode(renderChat(this.tokenizer, messages));
			if (ids.length <= this.capacity - MAX_ANSWERED || messages.length === 1) return ids;
			messages.splice(0, 2);
		}
	}

	async answer() {
		this.field.value = "";
		await this.writeOn(MAX_ANSWERED);
		this.messages.push({ role: "assistant", content: this.textOf(this.answerIds()) });
	}

	answerIds() {
		return this.ids
			.slice(this.ids.length - this.written)
			.filter((id) => !this.tokenizer.ends.has(id));
	}

	// Writing stops between two tokens, so that the model has seen exactly what is shown.
	stop() {
		this.stopping = true;
		if (!this.writing) this.model.stop();
	}

	showStatus(text) {
		this.status.textContent = text;
	}

	showError(error) {
		this.showStatus(t("Something went wrong: {reason}.", { reason: reasonOf(error) }));
	}

	// --- running ---

	// Runs one task at a time, and stops the one before it.
	async exclusively(run) {
		if (this.busy) this.stop();
		const turn = (this.turn ?? Promise.resolve()).then(async () => {
			this.setBusy(true);
			try {
				return await run();
			} catch (error) {
				this.showError(error);
			} finally {
				this.setBusy(false);
			}
		});
		this.turn = turn;
		return turn;
	}

	setBusy(busy) {
		this.busy = busy;
		this.stopping = false;
		this.buttons.stop.disabled = !busy;
		this.progress.hidden = !busy;
		this.progress.value = 0;
		this.app.ariaBusy = busy;
	}

	// Reads all tokens, and shows what goes on; true unless it was stopped.
	read() {
		return this.exclusively(async () => {
			this.share();
			this.showStatus(t("Reading …"));
			this.ready = false;
			this.unchanged = null;
			if (!this.changes.isEmpty) {
				this.unchanged = await this.model.run(this.ids);
				if (!this.unchanged || this.stopping) return this.showStatus(t("Stopped."));
			}
			const logits = await this.model.run(this.ids, this.changes.sets);
			// The model may have finished before it noticed the stop.
			if (!logits || this.stopping) return this.showStatus(t("Stopped."));
			this.ready = true;
			this.showNext(logits);
			await this.showInside();
			this.showStatus(this.note || t("{count} tokens read.", { count: grouped(this.ids.length) }));
			return true;
		});
	}

	writeOn(most) {
		return this.write(async () => {
			let count = 0;
			let ended = false;
			for (; count < most && !ended && !this.stopping; count++) {
				const id = this.next.pick();
				ended = this.tokenizer.ends.has(id);
				if (!(await this.add(id))) break;
				this.progress.value = count / most;
			}
			await this.showInside();
			this.showStatus(this.describeWriting(count, ended));
		});
	}

	write(run) {
		return this.exclusively(async () => {
			if (!this.ready) return this.showStatus(t("Let the model read your text first."));
			this.writing = true;
			try {
				await run();
			} finally {
				this.writing = false;
			}
		});
	}

	describeWriting(count, ended) {
		const counts = plural(count, "{count} token written", "{count} tokens written");
		if (ended) return t("{counts}; there the model ended its text.", { counts });
		const full = this.ids.length >= this.capacity;
		return full ? t("{counts}; the page has room for no more.", { counts }) : `${counts}.`;
	}

	append(id) {
		return this.write(async () => {
			await this.add(id);
			await this.showInside();
			this.showStatus(t("Written: {token}", { token: this.token(id).shown }));
		});
	}

	// Adds a token; false if there is no room for it.
	async add(id) {
		if (this.ids.length >= this.capacity) return false;
		const logits = await this.model.extend([id]);
		this.ids.push(id);
		this.written++;
		this.unchanged = null;
		this.showNext(logits);
		return true;
	}

	// --- showing ---

	showNext(logits) {
		this.next.show(logits, this.unchanged);
		this.find(".try-mark").hidden = !this.unchanged;
		this.showOutput();
	}

	showOutput() {
		if (this.mode === "chat") {
			this.output.replaceChildren();
			const answer = { role: "assistant", content: this.textOf(this.answerIds()) };
			for (const { role, content } of [...this.messages, answer]) {
				element(`p.try-turn.${role}`, {}, this.output, content.trim() || "…");
			}
		} else {
			const promptLength = this.ids.length - this.written;
			this.output.textContent = this.textOf(this.ids.slice(0, promptLength));
			element("mark", {}, this.output, this.textOf(this.answerIds()));
		}
		this.output.scrollTop = this.output.scrollHeight;
	}

	async showInside() {
		this.showChips();
		await this.attention.show(this.model, this.ids);
		this.buttons.head.hidden = !this.attention.explorer;
		await this.select(this.ids.length - 1);
	}

	showChips() {
		const promptLength = this.ids.length - this.written;
		const chips = this.ids.map((id, i) => {
			const { shown, special } = this.token(id);
			const item = element("li", { id: `try-${i}`, role: "option", "aria-selected": "false" });
			item.classList.toggle("written", i >= promptLength);
			item.classList.toggle("blocked", this.changes.sets.blocked.includes(i));
			element(special ? "span.tok.special" : "span.tok", {}, item, shown || t("empty"));
			return item;
		});
		this.chips.replaceChildren(...chips);
	}

	choose(position) {
		if (this.ready && !this.busy) this.select(position);
	}

	async select(position) {
		this.chips.children[this.position]?.setAttribute("aria-selected", "false");
		this.position = clamp(position, 0, this.ids.length - 1);
		const chip = this.chips.children[this.position];
		chip.ariaSelected = "true";
		this.chips.setAttribute("aria-activedescendant", chip.id);
		const lowest = chip.offsetTop + chip.offsetHeight - this.chips.clientHeight;
		this.chips.scrollTop = clamp(this.chips.scrollTop, lowest + CHIP_MARGIN, chip.offsetTop);
		const { blocked, mlps } = this.changes.sets;
		this.buttons.block.ariaPressed = blocked.includes(this.position);
		this.attention.explorer?.update({ row: this.position });
		const rows = await this.model.lens(this.position, this.layers.count);
		this.layers.show(this.token(this.ids[this.position]), rows, new Set(mlps));
	}

	// The heads on view: one, or all of a layer.
	headsOnView() {
		const { layer, head } = this.attention.explorer.state;
		const heads = head === MEAN ? [...Array(this.shape.heads).keys()] : [head];
		return heads.map((number) => `${layer}.${number}`);
	}

	showHead() {
		const heads = this.headsOnView();
		const { head } = this.buttons;
		head.textContent =
			heads.length > 1 ? t("Switch off all heads of this layer") : t("Switch this head off");
		head.ariaPressed = heads.every((name) => this.changes.sets.heads.includes(name));
	}

	toggleHead() {
		if (this.attention.explorer) this.changes.toggle("heads", ...this.headsOnView());
	}
}
