// Joined from the modules in templates/assets, which have the comments.
(() => {
"use strict";
const modules = (globalThis.layerbookModules ??= {});
const sources = (globalThis.layerbookSources ??= {});
const define = (name, run) => {
	sources[name] = run;
	try {
		modules[name] = run();
	} catch (error) {
		reportError(error); // the other parts go on
	}
};
define("scripts/catalogue.js", () => {
const MESSAGES = Object.assign((globalThis.layerbookMessages ??= {}), {});
const MARKS = { decimal: ".", group: "," };
return { MESSAGES, MARKS };
});
define("live/changes.js", () => {
const { t } = modules["scripts/messages.js"];
const { element, on } = modules["scripts/common.js"];
const NONE = { heads: [], mlps: [], blocked: [] };
class Changes {
	sets = structuredClone(NONE);
	constructor(box, heads, changed) {
		Object.assign(this, { box, heads, changed });
	}
	get isEmpty() {
		return Object.values(this.sets).every((values) => !values.length);
	}
	toggle(kind, ...values) {
		const off = values.every((value) => this.sets[kind].includes(value));
		const others = this.sets[kind].filter((value) => !values.includes(value));
		this.sets[kind] = off ? others : [...others, ...values];
		this.draw();
		this.changed();
	}
	restore(sets) {
		this.sets = { ...structuredClone(NONE), ...sets };
		this.draw();
	}
	dropBlockedFrom(length) {
		this.sets.blocked = this.sets.blocked.filter((position) => position < length);
		this.draw();
	}
	draw() {
		const { heads, mlps, blocked } = this.sets;
		this.box.replaceChildren();
		for (const layer of new Set(heads.map((name) => name.split(".")[0]))) {
			const names = heads.filter((name) => name.startsWith(`${layer}.`));
			if (names.length === this.heads)
				this.addChip(t("layer {layer}, all heads", { layer }), "heads", ...names);
			else
				for (const name of names) {
					const head = name.split(".")[1];
					this.addChip(t("layer {layer}, head {head}", { layer, head }), "heads", name);
				}
		}
		for (const layer of mlps) this.addChip(t("MLP of layer {layer}", { layer }), "mlps", layer);
		for (const position of blocked)
			this.addChip(t("token {position} hidden", { position }), "blocked", position);
		if (this.isEmpty) return;
		on(element("button", {}, this.box, t("Undo all")), "click", () => {
			this.restore({});
			this.changed();
		});
	}
	addChip(name, kind, ...values) {
		const button = element(
			"button",
			{ "aria-label": t("Undo: {name}", { name }) },
			this.box,
			`${name} ✕`,
		);
		on(button, "click", () => this.toggle(kind, ...values));
	}
}
return { Changes };
});
define("live/examples.js", () => {
const { mark } = modules["scripts/messages.js"];
const EXAMPLES = [
	[mark("a capital"), "text", "The capital of France is"],
	[mark("a sum"), "text", "2 + 2 = 4\n3 + 3 = 6\n4 + 4 ="],
	[mark("two names"), "text", "When Mary and John went to the store, John gave a drink to"],
	[mark("a pattern"), "text", "red blue green red blue green red blue"],
	[mark("some code"), "text", "def fibonacci(n):\n    if n < 2:\n        return n\n    return"],
	[mark("a question"), "chat", "Why is the sky blue?"],
];
return { EXAMPLES };
});
define("live/fragment.js", () => {
const KNOBS = ["temperature", "top-k", "top-p"];
function writeFragment({ text, mode, knobs, changes: { sets } }) {
	const fields = new URLSearchParams({ text });
	if (mode !== "text") fields.set("mode", mode);
	KNOBS.forEach((name, i) => fields.set(name, knobs[i]));
	const off = [...sets.heads, ...sets.mlps];
	if (off.length) fields.set("off", off.join());
	if (sets.blocked.length) fields.set("hide", sets.blocked.join());
	return `#${fields}`;
}
const listOf = (text) => (text ? [...new Set(text.split(","))] : []);
const isBelow = (limit) => (text) => /^(0|[1-9]\d*)$/.test(text) && Number(text) < limit;
function readFragment(hash, { layers, heads }) {
	const fields = new URLSearchParams(hash.slice(1));
	const knobs = KNOBS.map((name) => Number.parseFloat(fields.get(name)));
	const off = listOf(fields.get("off"));
	const isHead = (text) => {
		const [layer, head, ...rest] = text.split(".");
		return head !== undefined && !rest.length && isBelow(layers)(layer) && isBelow(heads)(head);
	};
	return {
		text: fields.get("text"),
		mode: fields.get("mode") === "chat" ? "chat" : "text",
		knobs: knobs.every((value) => value >= 0) ? knobs : null,
		changes: {
			heads: off.filter(isHead),
			mlps: off.filter(isBelow(layers)).map(Number),
			blocked: listOf(fields.get("hide")).filter(isBelow(1e6)).map(Number),
		},
	};
}
return { writeFragment, readFragment };
});
define("live/page.js", () => {
const { grouped, plural, t } = modules["scripts/messages.js"];
const { clamp, element, hasModifier, on, targetOfKey } = modules["scripts/common.js"];
const { MEAN } = modules["scripts/patterns.js"];
const { LiveAttention } = modules["live/attention.js"];
const { Changes } = modules["live/changes.js"];
const { reasonOf } = modules["live/client.js"];
const { EXAMPLES } = modules["live/examples.js"];
const { readFragment, writeFragment } = modules["live/fragment.js"];
const { renderChat } = modules["live/gguf_tokenizer.js"];
const { Layers } = modules["live/layers.js"];
const { Loader } = modules["live/loader.js"];
const { NextToken } = modules["live/next_token.js"];
const MAX_WRITTEN = 60; // tokens at a time
const MAX_ANSWERED = 200; // in a chat
const CHIP_MARGIN = 5; // pixels below the chosen token in the list
class TryPage {
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
	restore() {
		const { text, mode, knobs, changes } = readFragment(location.hash, this.shape);
		this.setMode(mode ?? "text");
		this.field.value = text ?? EXAMPLES[0][2];
		if (knobs) this.next.setKnobs(knobs);
		this.changes.restore(changes);
	}
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
	async add(id) {
		if (this.ids.length >= this.capacity) return false;
		const logits = await this.model.extend([id]);
		this.ids.push(id);
		this.written++;
		this.unchanged = null;
		this.showNext(logits);
		return true;
	}
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
return { TryPage };
});
define("try.js", () => {
const { TryPage } = modules["live/page.js"];
const app = document.querySelector(".try-app");
if (app) window.layerbook.live = new TryPage(app, document.querySelector(".try-load"));
});
})();
