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
define("scripts/messages.js", () => {
const { MARKS, MESSAGES } = modules["scripts/catalogue.js"];
function t(message, values = {}) {
	const translated = MESSAGES[message] ?? message;
	return translated.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
const mark = (message) => message;
function plural(count, one, many, values = {}) {
	return t(count === 1 ? one : many, { count: grouped(count), ...values });
}
const decimal = (digits) => digits.replace(".", MARKS.decimal);
const grouped = (number) => number.toLocaleString("en-US").replaceAll(",", MARKS.group);
return { t, mark, plural, decimal, grouped };
});
define("scripts/common.js", () => {
const { decimal } = modules["scripts/messages.js"];
const NARROW_SPACE = "\u202f";
function element(selector, attributes = {}, parent, text) {
	const [name, ...classes] = selector.split(".");
	const node = document.createElement(name);
	if (name === "button") node.type = "button"; // none of ours sends a form
	if (classes.length) node.className = classes.join(" ");
	for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
	if (text !== undefined) node.textContent = text;
	parent?.append(node);
	return node;
}
function on(target, events, listener, options) {
	for (const event of events.split(" ")) target.addEventListener(event, listener, options);
}
const hasModifier = (event) =>
	event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
const clamp = (value, least, most) => Math.max(least, Math.min(most, value));
const MARGIN = 4; // pixels between a tip and the edge of the window
function placeBeside(tip, place) {
	tip.style.left = tip.style.top = "0";
	const room = document.documentElement.clientWidth - tip.offsetWidth - MARGIN;
	const centred = place.left + (place.width - tip.offsetWidth) / 2;
	const fitsAbove = place.top >= tip.offsetHeight + MARGIN;
	tip.style.left = `${clamp(centred, MARGIN, room)}px`;
	tip.style.top = `${fitsAbove ? place.top - tip.offsetHeight : place.bottom}px`;
}
function targetOfKey({ key }, current, last, up = -1) {
	const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: up, ArrowDown: -up };
	const targets = { Home: 0, End: last };
	return key in steps ? clamp(current + steps[key], 0, last) : targets[key];
}
function loadScript(src) {
	return new Promise((resolve, reject) => {
		const script = element("script", { src });
		on(script, "load", resolve);
		on(script, "error", () => reject(new Error(src)));
		document.head.append(script);
	});
}
function percent(share, exact = share === 0 || share === 1) {
	let text = exact ? String(100 * share) : (100 * share).toFixed(2);
	if (text === "0.00") text = `<${NARROW_SPACE}0.01`;
	if (text === "100.00") text = `>${NARROW_SPACE}99.99`;
	return `${decimal(text)}${NARROW_SPACE}%`;
}
return { element, on, hasModifier, clamp, placeBeside, targetOfKey, loadScript, percent };
});
define("scripts/stepper.js", () => {
const { t } = modules["scripts/messages.js"];
const { clamp, element, hasModifier, on, targetOfKey } = modules["scripts/common.js"];
const SECONDS_PER_FRAME = 1.1;
const textOf = (frame, selector) =>
	(frame.querySelector(selector)?.textContent ?? "").replace(/\s+/g, " ").trim();
class Stepper {
	current = 0;
	timer = null;
	reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
	constructor(box, frames) {
		this.box = box;
		this.frames = frames;
		this.unit = box.dataset.step;
		this.unitName = box.dataset.unit; // in the language of the book
		this.createControls(box.dataset.name);
		this.listen();
		this.followMotionSetting();
		box.classList.add("stepping");
		box.role = "group";
		box.ariaLabel = t("{name}, step by step", { name: box.dataset.name });
		box.tabIndex = 0;
		box.prepend(this.bar);
		box.append(this.status);
		this.show(0, true);
	}
	createControls(name) {
		const label = { "aria-label": `${name}, ${this.unitName}` };
		const button = (action, text) => element("button", { "aria-label": action }, this.bar, text);
		this.bar = element("div.stepper");
		this.back = button(t("Previous {unit}", { unit: this.unitName }), "‹");
		this.play = button(t("Play"), "▶");
		this.forward = button(t("Next {unit}", { unit: this.unitName }), "›");
		const range = { type: "range", min: 1, max: this.frames.length, ...label };
		this.slider = element("input", range, this.bar);
		this.position = element("output", {}, this.bar);
		this.status = element("p.visually-hidden", { "aria-live": "polite" });
		if (this.unit === "word") this.createList(label);
	}
	createList(label) {
		this.list = element("select", label);
		for (const frame of this.frames) this.list.add(new Option(textOf(frame, ".frame-name")));
		on(this.list, "change", () => this.goTo(this.list.selectedIndex));
		this.play.replaceWith(this.list);
		this.slider.remove();
	}
	listen() {
		on(this.back, "click", () => this.goTo(this.current - 1));
		on(this.forward, "click", () => this.goTo(this.current + 1));
		on(this.play, "click", () => this.togglePlaying());
		on(this.slider, "input", () => this.goTo(Number(this.slider.value) - 1));
		on(this.box, "keydown", (event) => this.onKey(event));
		on(this.reducedMotion, "change", () => this.followMotionSetting());
	}
	followMotionSetting() {
		this.play.hidden = this.reducedMotion.matches;
		if (this.reducedMotion.matches) this.pause();
	}
	show(index, quietly = false) {
		this.current = clamp(index, 0, this.frames.length - 1);
		this.frames.forEach((frame, i) => frame.classList.toggle("current", i === this.current));
		const position = t("{unit} {place} of {count}", {
			unit: this.unitName,
			place: this.current + 1,
			count: this.frames.length,
		});
		this.slider.value = this.current + 1;
		this.slider.ariaValueText = position;
		if (this.list) this.list.selectedIndex = this.current;
		this.position.textContent = position;
		this.back.disabled = this.current === 0;
		this.forward.disabled = this.current === this.frames.length - 1;
		if (!quietly) this.announce(position);
	}
	announce(position) {
		const frame = this.frames[this.current];
		const texts = [".frame-name", ".badge.stop", ".frame-note"].map((part) => textOf(frame, part));
		this.status.textContent = [position, ...texts].filter(Boolean).join(". ");
	}
	goTo(index) {
		this.pause();
		this.show(index);
	}
	pause() {
		if (this.timer === null) return;
		clearInterval(this.timer);
		this.timer = null;
		this.play.textContent = "▶";
		this.play.ariaLabel = t("Play");
		this.show(this.current);
	}
	togglePlaying() {
		if (this.timer !== null) return this.pause();
		if (this.reducedMotion.matches) return;
		const last = this.frames.length - 1;
		this.play.textContent = "❚❚";
		this.play.ariaLabel = t("Pause");
		if (this.current === last) this.show(0, true);
		this.timer = setInterval(() => {
			this.show(this.current + 1, true);
			if (this.current === last) this.pause();
		}, SECONDS_PER_FRAME * 1000);
	}
	onKey(event) {
		if (hasModifier(event)) return;
		if (event.target.closest(".scroll[tabindex], a, summary, select")) return;
		const { current, frames } = this;
		const target = targetOfKey(event, current, frames.length - 1, 1);
		if (target !== undefined) this.goTo(target);
		else if (event.key === " " && !event.target.closest("button")) this.togglePlaying();
		else return;
		event.preventDefault();
	}
}
for (const box of document.querySelectorAll(".frames")) {
	const frames = [...box.querySelectorAll(".frame")];
	if (frames.length > 1) new Stepper(box, frames);
}
});
define("scripts/tokens.js", () => {
const { clamp, element, hasModifier, on, placeBeside } = modules["scripts/common.js"];
const PRESSED = "a, button, summary, label";
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const tip = element("div.token-tip", { id: "token-tip", role: "tooltip", hidden: "" });
let current = null; // the chip that the tip is about
let dismissed = null; // the chip whose tip Escape has closed
function placeTip() {
	if (current) placeBeside(tip, current.getBoundingClientRect());
}
function hide() {
	current?.removeAttribute("aria-describedby");
	current = null;
	tip.hidden = true;
}
function show(chip) {
	if (chip === current || chip === dismissed) return;
	hide();
	dismissed = null;
	if (chip.title) chip.dataset.facts = chip.title;
	chip.removeAttribute("title");
	tip.textContent = chip.dataset.facts ?? "";
	if (!tip.textContent) return;
	current = chip;
	tip.hidden = false;
	chip.setAttribute("aria-describedby", tip.id);
	placeTip();
}
function showFocused() {
	const focused = document.activeElement;
	if (dismissed !== focused) dismissed = null;
	if (focused.matches(".tok:focus-visible")) show(focused);
	else hide();
}
const groupOf = (chip) =>
	chip.closest(".chips") ??
	chip.closest("table") ??
	chip.closest("p, li, dd, h2, h3") ??
	chip.parentNode;
const chipsOf = (group) =>
	[...group.querySelectorAll(".tok[tabindex]")].filter((chip) => groupOf(chip) === group);
function moveFocus(chip, event) {
	const step = STEPS[event.key];
	if (!step || chip !== event.target || hasModifier(event)) return;
	const frames = chip.closest(".frames");
	if (frames) return frames.focus(); // its own keys show another frame, and this chip goes
	const chips = chipsOf(groupOf(chip));
	const next = chips[clamp(chips.indexOf(chip) + step, 0, chips.length - 1)];
	event.preventDefault();
	chip.tabIndex = -1;
	next.tabIndex = 0;
	next.focus();
}
const LISTENERS = {
	mouseover(chip, event) {
		if (chip) show(chip);
		else if (!tip.contains(event.target)) showFocused();
	},
	mouseout(_, event) {
		if (!event.relatedTarget) showFocused();
	},
	pointerup(chip, event) {
		if (chip && event.pointerType === "touch") show(chip);
	},
	pointerdown(chip, event) {
		if (!chip && !tip.contains(event.target)) hide();
	},
	focusin(chip, event) {
		dismissed = null;
		if (chip === event.target) show(chip);
		else hide();
	},
	focusout: hide,
	scroll: placeTip,
	keydown(chip, event) {
		if (event.key === "Escape" && current) {
			dismissed = current;
			hide();
		}
		moveFocus(chip, event);
	},
};
document.body.append(tip);
for (const chip of document.querySelectorAll(".tok[title]")) {
	if (!chip.closest(PRESSED)) chip.tabIndex = chipsOf(groupOf(chip)).length ? -1 : 0;
}
for (const [name, listener] of Object.entries(LISTENERS)) {
	const withChip = (event) => listener(event.target.closest?.(".tok") ?? null, event);
	on(document, name, withChip, true);
}
on(window, "resize", placeTip);
});
define("scripts/preview.js", () => {
const { element, on, placeBeside } = modules["scripts/common.js"];
const OPENS_AFTER = 150; // milliseconds, so that a pointer passing over a line opens nothing
const CLOSES_AFTER = 250; // and time enough to move onto the preview
const box = element("div.preview", { id: "preview", role: "tooltip" });
let current = null; // the link that the preview is of
let timer;
let touched = false; // the last pointer was a finger
const linkAt = (event) => event.target.closest?.("a[data-preview], a.reference") ?? null;
function contentOf(link) {
	const source = document.getElementById(link.dataset.preview ?? link.hash.slice(1));
	if (!source) return [];
	const parts = source.matches("figure")
		? source.querySelectorAll(":scope > .picture, :scope > figcaption > p:first-child")
		: source.querySelectorAll(":scope > p");
	return [...parts].map((node) => node.cloneNode(true));
}
function place() {
	if (current) placeBeside(box, current.getClientRects()[0] ?? current.getBoundingClientRect());
}
function hide() {
	clearTimeout(timer);
	current?.removeAttribute("aria-describedby");
	current = null;
	box.remove();
}
function show(link) {
	if (link === current) return;
	hide();
	const content = contentOf(link);
	if (!content.length) return;
	current = link;
	link.removeAttribute("title"); // which the browser would show as well
	box.replaceChildren(...content);
	document.body.append(box);
	link.setAttribute("aria-describedby", box.id);
	place();
}
function soon(action, pause) {
	clearTimeout(timer);
	timer = setTimeout(action, pause);
}
on(document, "pointerdown", (event) => {
	touched = event.pointerType === "touch";
	if (!linkAt(event) && !box.contains(event.target)) hide();
});
on(document, "pointerover", (event) => {
	if (event.pointerType === "touch") return;
	const link = linkAt(event);
	if (link) soon(() => show(link), OPENS_AFTER);
	else if (box.contains(event.target)) clearTimeout(timer);
	else soon(hide, CLOSES_AFTER);
});
on(document, "focusin", (event) => {
	const link = linkAt(event);
	if (link?.matches(":focus-visible")) show(link);
	else if (!box.contains(event.target)) hide();
});
on(document, "click", (event) => {
	const link = linkAt(event);
	if (!link || !touched || link === current) return;
	event.preventDefault();
	show(link);
});
on(document, "keydown", (event) => {
	if (event.key === "Escape") hide();
});
on(window, "scroll resize", place, true);
});
define("scripts/phrases.js", () => {
const { hasModifier, on } = modules["scripts/common.js"];
const phrases = [...document.querySelectorAll("a.point[href^='#']")];
const figureOf = (phrase) => document.getElementById(phrase.hash.slice(1));
let clear = () => {};
function boxesIn({ dataset }, { part, cell, grids }) {
	const panels = JSON.parse(dataset.panels ?? "[]").filter(([title]) => title === part);
	const boxes = panels.map(([, ...box]) => box);
	const [row, column] = cell?.split(",") ?? [];
	JSON.parse(dataset.grids ?? "[]").forEach(([x, y, width, height, rows, columns], index) => {
		if (!cell || row >= rows || column >= columns) return;
		if (grids && !grids.split(" ").includes(`${index}`)) return;
		const [wide, high] = [width / columns, height / rows];
		boxes.push([x + wide * column, y + high * row, column ? wide : width, row ? high : height]);
	});
	return boxes;
}
function addRing(svg, box) {
	const ring = document.createElementNS(svg.namespaceURI, "rect");
	ring.setAttribute("class", "fig-ring");
	["x", "y", "width", "height"].forEach((side, i) => ring.setAttribute(side, box[i]));
	svg.append(ring);
	return ring;
}
function light(phrase) {
	clear();
	const lit = [];
	const rings = [];
	for (const svg of figureOf(phrase).querySelectorAll(".fig")) {
		for (const group of svg.querySelectorAll("[data-part]")) {
			if (group.dataset.part === phrase.dataset.part) lit.push(svg, group);
		}
		for (const box of boxesIn(svg, phrase.dataset)) rings.push(addRing(svg, box));
	}
	for (const element of lit) element.classList.add("lit");
	clear = () => {
		for (const ring of rings) ring.remove();
		for (const element of lit) element.classList.remove("lit");
	};
}
for (const phrase of phrases) {
	on(phrase, "pointerenter focus", () => light(phrase));
	on(phrase, "pointerleave", () => phrase !== document.activeElement && clear());
	on(phrase, "click", (event) => {
		if (hasModifier(event)) return;
		event.preventDefault();
		figureOf(phrase).scrollIntoView({ block: "nearest" });
		phrase.focus({ preventScroll: true });
	});
	on(phrase, "blur", () => clear());
	on(figureOf(phrase), "pointerover pointerleave", ({ target, type }) => {
		const { part } = phrase.dataset;
		const isOver = type === "pointerover" && target.closest("[data-part]")?.dataset.part === part;
		phrase.classList.toggle("lit", isOver && part !== undefined);
	});
}
});
define("scripts/storage.js", () => {
function readStorage(key) {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}
function writeStorage(key, value) {
	try {
		localStorage.setItem(key, value);
	} catch {
	}
}
return { readStorage, writeStorage };
});
define("scripts/predict.js", () => {
const { t } = modules["scripts/messages.js"];
const { on } = modules["scripts/common.js"];
const { readStorage, writeStorage } = modules["scripts/storage.js"];
const textOf = (choice) => choice.parentNode.textContent.trim();
function startPrediction(box) {
	const choices = [...box.querySelectorAll("input")];
	const button = box.querySelector("button");
	const verdict = box.querySelector(".said");
	const isRight = ({ value }) => box.dataset.right.split(" ").includes(value);
	const answer = choices
		.filter(isRight)
		.map(textOf)
		.join(` ${t("or")} `);
	const key = `layerbook-said ${box.querySelector("legend").textContent}`;
	function judge(choice) {
		if (isRight(choice)) return t("Right. On this model, that is the answer.");
		return t("A fair guess. On this model the answer is: {answer}.", { answer });
	}
	function show(choice) {
		const cameTrue = choice !== undefined && isRight(choice);
		const statement = choice ? t("You said: {choice}.", { choice: textOf(choice) }) : "";
		verdict.textContent = statement && answer ? `${statement} ${judge(choice)}` : statement;
		verdict.classList.toggle("came-true", cameTrue);
		for (const each of choices) {
			each.checked = each === choice;
			each.disabled = choice !== undefined;
			each.parentNode.classList.toggle("answer", choice !== undefined && isRight(each));
		}
		button.textContent = choice ? t("Ask me again") : t("Commit");
		button.disabled = choice === undefined;
	}
	on(button, "click", () => {
		const commits = !choices[0].disabled;
		const choice = commits ? choices.find(({ checked }) => checked) : undefined;
		show(choice);
		box.querySelector("details").open = commits;
		if (!commits) choices[0].focus();
		writeStorage(key, choice ? textOf(choice) : "");
	});
	on(box, "change", () => {
		button.disabled = false;
	});
	button.hidden = false;
	const saved = readStorage(key);
	show(choices.find((choice) => textOf(choice) === saved));
}
document.querySelectorAll(".predict").forEach(startPrediction);
});
define("scripts/code_cells.js", () => {
const { t } = modules["scripts/messages.js"];
const { on } = modules["scripts/common.js"];
const SHOWN = 2000; // milliseconds in which the button says what happened
async function copy(button) {
	const code = button.closest(".cell, .fence").querySelector("pre code");
	getSelection().selectAllChildren(code);
	let outcome = t("Copied");
	try {
		await navigator.clipboard.writeText(`${code.textContent.trimEnd()}\n`);
	} catch {
		outcome = t("Selected");
	}
	button.textContent = outcome;
	setTimeout(() => (button.textContent = t("Copy")), SHOWN);
}
for (const button of document.querySelectorAll(".copy")) {
	button.hidden = false;
	button.setAttribute("aria-live", "polite");
	on(button, "click", () => copy(button));
}
});
define("scripts/pictures.js", () => {
const { t } = modules["scripts/messages.js"];
const { element, on } = modules["scripts/common.js"];
const SCALE = 2; // pixels of a PNG for each of the drawing
const VARIABLE = /var\(--[\w-]+,\s*([^()]+)\)/g;
const STYLE =
	".fig text { white-space: pre }" +
	".fig-halo text { paint-order: stroke; stroke: #fff; stroke-width: 3px; stroke-linejoin: round }";
const isShown = (drawing) => drawing.checkVisibility({ visibilityProperty: true });
function shownDrawing(figure) {
	const drawings = [...figure.querySelectorAll(".picture svg.fig")];
	return drawings.find(isShown) ?? drawings[0];
}
function fileName(figure, drawing) {
	const frames = [...figure.querySelectorAll(".frame")];
	const frame = frames.indexOf(drawing.closest(".frame"));
	return frame < 0 ? figure.id : `${figure.id}-${frame + 1}`;
}
function standalone(drawing) {
	const copy = drawing.cloneNode(true);
	for (const node of [copy, ...copy.querySelectorAll("*")]) {
		for (const attribute of node.attributes) {
			const value = attribute.value.replace(VARIABLE, "$1");
			if (value !== attribute.value) attribute.value = value;
		}
	}
	for (const link of copy.querySelectorAll("a")) {
		const group = document.createElementNS(copy.namespaceURI, "g");
		group.append(...link.childNodes);
		link.replaceWith(group);
	}
	const style = document.createElementNS(copy.namespaceURI, "style");
	style.textContent = STYLE;
	copy.prepend(style);
	return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
}
async function toPng(svg, drawing) {
	const image = new Image();
	image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
	await image.decode();
	const canvas = element("canvas");
	canvas.width = Math.round(SCALE * drawing.getAttribute("width"));
	canvas.height = Math.round(SCALE * drawing.getAttribute("height"));
	const context = canvas.getContext("2d");
	context.fillStyle = "#fff";
	context.fillRect(0, 0, canvas.width, canvas.height);
	context.drawImage(image, 0, 0, canvas.width, canvas.height);
	const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
	if (!png) throw new Error("the canvas cannot be written"); // too large for the browser
	return png;
}
function download(blob, name) {
	const href = URL.createObjectURL(blob);
	element("a", { href, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(href), 10_000); // the browser reads it by then
}
async function save(figure, format, button) {
	const drawing = shownDrawing(figure);
	const svg = standalone(drawing);
	try {
		const blob =
			format === "png" ? await toPng(svg, drawing) : new Blob([svg], { type: "image/svg+xml" });
		download(blob, `${fileName(figure, drawing)}.${format}`);
	} catch {
		button.textContent = t("This browser cannot save it");
	}
}
for (const figure of document.querySelectorAll(".figure:has(> .disclosures)")) {
	const files = figure.querySelector(".disclosures p.downloads");
	if (!files || !shownDrawing(figure)) continue;
	for (const format of ["svg", "png"]) {
		const label = t("The picture as {format}", { format: format.toUpperCase() });
		const button = element("button", {}, null, label);
		on(button, "click", () => save(figure, format, button));
		files.insertBefore(button, files.querySelector("a"));
	}
}
});
define("scripts/tabs.js", () => {
const { element, hasModifier, on } = modules["scripts/common.js"];
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const targetOfAddress = () => {
	try {
		return document.getElementById(decodeURIComponent(location.hash.slice(1)));
	} catch {
		return null;
	}
};
const targetIn = (sections) => {
	const target = targetOfAddress();
	return sections.findIndex((section) => target && section.contains(target));
};
function startTabs(box, number) {
	const sections = [...box.querySelectorAll(":scope > .tab")];
	const list = element("div.tab-list", { role: "tablist" });
	const buttons = sections.map((section, index) => {
		const id = `tab-${number}-${index}`;
		const title = section.getAttribute("aria-label");
		const button = element("button.tool", { id, role: "tab" }, list, title);
		section.id ||= `${id}-panel`;
		button.setAttribute("aria-controls", section.id);
		section.setAttribute("role", "tabpanel");
		section.tabIndex = 0;
		return button;
	});
	const show = (chosen) => {
		for (const [index, section] of sections.entries()) {
			section.hidden = index !== chosen;
			buttons[index].setAttribute("aria-selected", String(index === chosen));
			buttons[index].tabIndex = index === chosen ? 0 : -1;
		}
	};
	for (const [index, button] of buttons.entries()) on(button, "click", () => show(index));
	on(list, "keydown", (event) => {
		const now = buttons.indexOf(document.activeElement);
		if (now < 0 || !(event.key in STEPS) || hasModifier(event)) return;
		event.preventDefault();
		const next = Math.max(0, Math.min(buttons.length - 1, now + STEPS[event.key]));
		show(next);
		buttons[next].focus();
	});
	on(window, "hashchange", () => {
		const index = targetIn(sections);
		if (index >= 0) {
			show(index);
			targetOfAddress().scrollIntoView();
		}
	});
	box.prepend(list);
	box.classList.add("started");
	show(Math.max(0, targetIn(sections)));
}
for (const [number, box] of document.querySelectorAll(".tabs").entries()) {
	if (box.querySelector(":scope > .tab")) startTabs(box, number + 1);
}
});
define("scripts/tokenizer.js", () => {
const MARKS = { " ": "·", "\n": "⏎", "\t": "⇥", "\r": "⇤" };
const WITHOUT_SHAPE = /[\p{C}\p{Z}]/u;
const BYTE_PIECE = /^<0x[0-9A-F]{2}>$/;
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const hex = (number, width) => number.toString(16).toUpperCase().padStart(width, "0");
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
function readVocabulary({ given, merges }) {
	const idOf = Object.create(null);
	const pieces = [];
	const pairs = [];
	let free = 0;
	for (const [piece, id] of given) {
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
function withUnicodeClasses(step) {
	if (step?.type === "Sequence") return sequence(...step.pretokenizers.map(withUnicodeClasses));
	if (step?.type === "Digits") return split(step.individual_digits ? "\\p{N}" : "\\p{N}+");
	const splitsWords = step?.type === "ByteLevel" && step.use_regex !== false;
	if (!splitsWords || step.add_prefix_space) return step;
	return sequence(split(WORDS), { ...step, use_regex: false });
}
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
function readSpelling({ decoder, pre_tokenizer, model }) {
	const steps = stepsOf(decoder ?? pre_tokenizer);
	const kinds = new Set(steps.map((step) => step.type));
	return {
		byteLevel: kinds.has("ByteLevel"),
		byteFallback: kinds.has("ByteFallback") || model.byte_fallback === true,
		replacements: steps.flatMap(replacementsOf),
	};
}
function openTokenizer(settings) {
	const { model } = settings;
	const steps = withUnicodeClasses(settings.pre_tokenizer) || null;
	const pre_tokenizer = withoutUnwritable(steps, model, model.vocab);
	const library = new window.layerbookTokenizers.Tokenizer({ ...settings, pre_tokenizer }, {});
	const spelling = readSpelling(settings);
	const added = new Map((settings.added_tokens ?? []).map((token) => [token.id, token]));
	const token = (id) => asToken(id, library.id_to_token(id), added.get(id), spelling);
	return { token, tokenize: (text) => library.encode(text).ids.map(token) };
}
function createTokenizer(data) {
	const { idOf, merges } = readVocabulary(data);
	const model = { ...data.rest.model, vocab: idOf, merges };
	const { token, tokenize } = openTokenizer({ ...data.rest, model });
	return { tokenize, stagesOf: mergeStages(idOf, merges, token) };
}
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
			const [left, right, made] = ids[rank];
			words = words.map((word) => mergePair(word, left, right, made));
			const pieces = words.flat().map(token);
			stages.push({ tokens: pieces, rank: rank + 1, merge: [left, right, made].map(token) });
		}
		const last = words.flat();
		const same = last.length === tokens.length && tokens.every(({ id }, i) => id === last[i]);
		return same ? stages : [];
	};
}
function firstRank(words, rankOf) {
	const ranks = words.flatMap((word) =>
		word.slice(1).map((right, i) => rankOf.get(`${word[i]} ${right}`) ?? Infinity),
	);
	return ranks.reduce((least, rank) => Math.min(least, rank), Infinity);
}
function mergePair(word, left, right, made) {
	const merged = [];
	for (const id of word) {
		if (id === right && merged.at(-1) === left) merged[merged.length - 1] = made;
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
const showText = (text) => Array.from(text, showChar).join("");
return { hex, openTokenizer, createTokenizer, showText };
});
define("scripts/live.js", () => {
const { grouped, mark, plural, t } = modules["scripts/messages.js"];
const { element, hasModifier, loadScript, on, targetOfKey } = modules["scripts/common.js"];
const { createTokenizer, hex, showText } = modules["scripts/tokenizer.js"];
const MOST_CHARACTERS = 20000;
const MOST_CHIPS = 1500;
const MOST_PRINTED = 400; // on paper, where the field cannot be
const SLOW = 2000; // from this many characters on, it waits for a pause in the typing
const PAUSE = 250; // milliseconds
const MERGE = `▶ ${t("Merge step by step")}`;
const MERGING = 9000; // milliseconds that all merges of a text take at most, unless there are many
const SHORTEST_PAUSE = 120; // milliseconds between two merges
const MOST_MERGED = 300; // characters, of a text whose merges can be stepped through
function writeShown(parent, { text, shown }) {
	const raw = [...text];
	const chars = [...shown];
	if (!chars.length) element("span.nothing", {}, parent, t("empty"));
	chars.forEach((char, i) => {
		if (raw.length === chars.length && raw[i] !== char) element("span.ws", {}, parent, char);
		else parent.append(char);
	});
	parent.normalize();
}
function describe(token, position) {
	const bytes = Array.from(token.bytes, (byte) => hex(byte, 2));
	const bytesText = t(bytes.length === 1 ? mark("byte {bytes}") : mark("bytes {bytes}"), {
		bytes: bytes.join(" "),
	});
	const meaning = token.special ? t("a special token, which stands for no text") : bytesText;
	return t("position {position}: {token}, id {id}, {meaning}", {
		position,
		token: token.shown || t("empty"),
		id: token.id,
		meaning,
	});
}
class LiveText {
	tokens = [];
	stages = [];
	current = -1;
	constructor(box, number) {
		this.box = box;
		this.number = number;
		this.sources = box.dataset.scripts.split(" ");
		this.rows = [...box.querySelectorAll(".strip-row")];
		this.printed = this.rows[0].querySelector(".strip-label .verbatim");
		this.chips = this.rows[0].querySelector(".chips");
		this.bar = element("p.live-bar");
		this.button = element("button.tool", {}, this.bar, t("Type a text of your own"));
		const offer = t("Loads the tokenizer, {size}.", { size: box.dataset.size });
		this.status = element("span.live-status", { role: "status" }, this.bar, offer);
		box.prepend(this.bar);
		this.addExamples();
		on(this.button, "click", () => this.load());
	}
	addExamples() {
		if (this.rows.length < 2) return;
		const bar = element("p.live-bar.live-examples", { role: "group", "aria-label": t("Examples") });
		this.rows.forEach((row, i) => {
			const label = row.querySelector(".strip-label").textContent.replaceAll("·", " ");
			const button = element("button.tool", { "aria-pressed": i === 0 }, bar, label);
			on(button, "click", () => this.showExample(i));
		});
		this.buttons = [...bar.children];
		this.rows.forEach((row, i) => (row.hidden = i > 0));
		this.box.prepend(bar);
	}
	showExample(index) {
		if (this.field) {
			this.field.value = this.texts[index];
			this.show();
		} else this.rows.forEach((row, i) => (row.hidden = i !== index));
		this.press(index);
	}
	press(index) {
		this.buttons?.forEach((button, i) => button.setAttribute("aria-pressed", i === index));
	}
	async load() {
		this.button.disabled = true;
		this.status.textContent = t("Loading …");
		try {
			for (const source of this.sources) await loadScript(source);
		} catch {
			return this.reportMissing();
		}
		const data = window.layerbookData?.[this.sources.at(-1)];
		if (data && window.layerbookTokenizers) this.start(data);
		else this.reportMissing();
	}
	reportMissing() {
		this.button.disabled = false;
		this.status.textContent = t("The tokenizer cannot be loaded; its files are missing.");
	}
	start(data) {
		Object.assign(this, createTokenizer(data), { texts: data.texts });
		Object.assign(window.layerbook, { tokenize: this.tokenize, stages: this.stagesOf });
		this.addField(
			data.texts[
				Math.max(
					0,
					this.rows.findIndex((row) => !row.hidden),
				)
			],
		);
		this.button.remove();
		for (const row of this.rows.slice(1)) row.remove();
		this.rows[0].hidden = false;
		this.addSlider();
		this.detail = element("p.live-detail", {}, this.box);
		this.box.classList.add("open");
		this.startList(this.chips);
		const description = this.box.closest("figure").querySelector("p.visually-hidden");
		const text = t("A field for your text, and below it the tokens that it is cut into.");
		if (description) description.textContent = text;
		this.show();
		this.field.focus();
		this.field.select();
	}
	addField(text) {
		this.field = element("textarea", { rows: 3, spellcheck: "false", autocapitalize: "off" });
		this.field.ariaLabel = t("Your text");
		this.field.value = text;
		on(this.field, "input", () => {
			this.press(this.texts.indexOf(this.field.value));
			clearTimeout(this.timer);
			this.timer = setTimeout(() => this.show(), this.field.value.length < SLOW ? 0 : PAUSE);
		});
		this.box.insertBefore(this.field, this.bar);
	}
	addSlider() {
		this.merges = element("p.live-merges");
		const label = element("label", {}, this.merges, t("Merges "));
		this.slider = element("input", { type: "range", min: 0, step: 1 }, label);
		this.merge = element("span.live-merge", {}, this.merges);
		on(this.slider, "input", () => this.showStage());
		on(this.slider, "keydown pointerdown", () => this.stopMerging());
		if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
			this.play = element("button.tool", {}, this.merges, MERGE);
			on(this.play, "click", () => this.toggleMerging());
		}
		this.box.insertBefore(this.merges, this.bar);
	}
	toggleMerging() {
		if (this.ticking) return this.stopMerging();
		if (this.slider.value === this.slider.max) this.slider.value = 0;
		this.showStage();
		this.play.textContent = `❚❚ ${t("Stop")}`;
		const last = Number(this.slider.max);
		const pause = Math.max(SHORTEST_PAUSE, MERGING / Math.max(last, 1));
		this.ticking = setInterval(() => {
			this.slider.stepUp();
			this.showStage();
			if (this.slider.valueAsNumber >= last) this.stopMerging();
		}, pause);
	}
	stopMerging() {
		clearInterval(this.ticking);
		this.ticking = null;
		if (this.play) this.play.textContent = MERGE;
	}
	showStage() {
		const { tokens, rank, merge } = this.stages[this.slider.valueAsNumber];
		this.drawTokens(tokens);
		this.merge.textContent = merge ? "" : t("before the first merge");
		if (merge) {
			const [left, right, made] = merge;
			for (const part of [left, " + ", right, " → ", made]) {
				if (part.shown === undefined) this.merge.append(part);
				else writeShown(element("span.tok", {}, this.merge), part);
			}
			this.merge.append(t(", no. {rank} in the list", { rank: grouped(rank) }));
		}
		this.slider.setAttribute("aria-valuetext", this.merge.textContent);
	}
	startList(chips) {
		chips.role = "listbox";
		chips.ariaLabel = t("The tokens");
		chips.tabIndex = 0;
		on(chips, "mouseover click", (event) => {
			const index = [...chips.children].indexOf(event.target.closest(".chip"));
			if (index < 0) return;
			if (event.type === "click") this.select(index);
			else this.showDetail(index);
		});
		on(chips, "focus", () => {
			if (this.current < 0) this.select(0);
		});
		on(chips, "keydown", (event) => this.onKey(event));
	}
	onKey(event) {
		const target = targetOfKey(event, this.current, this.chips.children.length - 1);
		if (target === undefined || hasModifier(event)) return;
		event.preventDefault();
		this.select(target);
	}
	showDetail(index) {
		const token = this.tokens[index];
		this.detail.textContent = token ? describe(token, index) : "";
	}
	select(index) {
		const { children } = this.chips;
		children[this.current]?.setAttribute("aria-selected", "false");
		this.current = index;
		const chip = children[index];
		if (chip) {
			chip.ariaSelected = "true";
			this.chips.setAttribute("aria-activedescendant", chip.id);
			chip.scrollIntoView({ block: "nearest" });
		}
		this.showDetail(index);
	}
	show() {
		const typed = [...this.field.value];
		const read = typed.slice(0, MOST_CHARACTERS);
		const tokens = this.tokenize(read.join(""));
		this.stopMerging();
		this.stages = read.length > MOST_MERGED ? [] : this.stagesOf(tokens);
		const last = this.stages.length - 1;
		this.merges.hidden = last < 1;
		this.slider.max = Math.max(last, 0);
		this.slider.value = this.slider.max;
		if (last < 1) this.drawTokens(tokens);
		else this.showStage();
		this.showPrinted(typed);
		this.showCounts(typed.length, read.length);
	}
	drawTokens(tokens) {
		this.tokens = tokens;
		const chips = tokens.slice(0, MOST_CHIPS).map((token, i) => this.createChip(token, i));
		this.chips.replaceChildren(...chips);
		this.chips.hidden = !chips.length;
		this.chips.removeAttribute("aria-activedescendant");
		this.current = -1;
		this.detail.textContent = chips.length
			? t("Point at a token, or reach it with Tab and the arrow keys.")
			: "";
	}
	createChip(token, index) {
		const chip = element("li.chip", {
			id: `live:${this.number}:${index}`,
			role: "option",
			"aria-selected": "false",
			"aria-label": describe(token, index),
		});
		writeShown(element(token.special ? "span.tok.special" : "span.tok", {}, chip), token);
		element("span.tok-id", {}, chip, token.id);
		return chip;
	}
	showPrinted(typed) {
		const start = typed.slice(0, MOST_PRINTED).join("");
		const text = start + (typed.length > MOST_PRINTED ? " …" : "");
		this.printed.textContent = "";
		writeShown(this.printed, { text, shown: showText(text) });
	}
	showCounts(typed, read) {
		const characters = plural(typed, "{count} character", "{count} characters");
		const tokens = plural(this.tokens.length, "{count} token", "{count} tokens");
		const first = t("The first {read} of {characters}:", { read: grouped(read), characters });
		const start = read < typed ? first : `${characters},`;
		const drawn = t("; the first {count} are drawn", { count: grouped(MOST_CHIPS) });
		this.status.textContent = `${start} ${tokens}${this.tokens.length > MOST_CHIPS ? drawn : ""}.`;
	}
}
document.querySelectorAll(".live").forEach((box, number) => new LiveText(box, number));
});
define("scripts/patterns.js", () => {
const MEAN = -1; // in the place of a head: the mean of all heads
function decodeShares({ weights, finer, tokens }) {
	const bytes = atob(weights);
	const shares = new Float64Array(bytes.length / 2);
	let i = 0;
	for (let row = 0; i < shares.length; row++) {
		const divisor = 2 ** Number.parseInt(finer[row], 36);
		for (let key = 0; key <= row % tokens.length; key++, i++) {
			const steps = bytes.charCodeAt(2 * i) + 256 * bytes.charCodeAt(2 * i + 1);
			shares[i] = steps / 65535 / (key ? divisor : 1);
		}
	}
	return shares;
}
const cellsAbove = (query) => (query * (query + 1)) / 2;
class Patterns {
	constructor(data, shares = decodeShares(data)) {
		this.data = data;
		this.shares = shares;
	}
	share(layer, head, query, key) {
		const start = (layer * this.data.heads + head) * cellsAbove(this.data.tokens.length);
		return this.shares[start + cellsAbove(query) + key];
	}
	row({ layer, head, withoutFirst }, query) {
		const { heads } = this.data;
		const [from, to] = head === MEAN ? [0, heads] : [head, head + 1];
		const shares = [];
		for (let key = 0; key <= query; key++) {
			let sum = 0;
			for (let h = from; h < to; h++) {
				sum += this.share(layer, h, query, key);
			}
			shares.push(sum / (to - from));
		}
		if (!withoutFirst) return shares;
		const rest = shares.slice(1).reduce((sum, share) => sum + share, 0);
		return shares.map((share, key) => (key && rest ? share / rest : null));
	}
	draw(canvas, pattern) {
		const rows = this.data.tokens.map((_, query) => this.row(pattern, query));
		this.paint(canvas, rows);
	}
	paint(canvas, rows) {
		const image = new ImageData(canvas.width, canvas.height);
		rows.forEach((shares, y) => {
			shares.forEach((share, x) => {
				if (share !== null) image.data.set(this.rgba(share), 4 * (y * canvas.width + x));
			});
		});
		canvas.getContext("2d").putImageData(image, 0, 0);
	}
	rgba(share) {
		const { shades } = this.data;
		const count = shades.length / 6;
		const start = 6 * Math.min(count - 1, Math.floor(share * count));
		const rgb = Number.parseInt(shades.slice(start, start + 6), 16);
		return [rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255];
	}
}
return { MEAN, Patterns };
});
define("scripts/explorer.js", () => {
const { mark, t } = modules["scripts/messages.js"];
const { clamp, element, hasModifier, on, percent } = modules["scripts/common.js"];
const { MEAN } = modules["scripts/patterns.js"];
mark("One step back");
mark("The sink");
mark("What came next, last time");
const SVG = "http://www.w3.org/2000/svg";
const LEAST_ARC = 0.03; // share of attention from which on there is an arc
const LEAST_FAINT_ARC = 0.2; // the same, of the tokens that nobody points at
const MOST_RISE = 84; // pixels that an arc rises over the text
const SPEAK_AFTER = 200; // milliseconds of rest before a screen reader hears the row
const MOST_SPOKEN = 3;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const addCanvas = (parent, width, height) => element("canvas.fig-map", { width, height }, parent);
class AttentionExplorer {
	constructor(label, data, patterns) {
		const { tokens, facts, layers, heads, presets = [] } = data;
		Object.assign(this, { tokens, facts, layers, heads, presets, patterns });
		this.count = tokens.length;
		this.state = {
			layer: data.start,
			head: MEAN,
			withoutFirst: false,
			row: tokens.length - 1,
			column: null,
			locked: false,
		};
		this.box = element("div.explorer", { role: "group", "aria-label": label });
		this.addPresets();
		this.addArcs();
		this.addBar();
		this.addLegend();
		const main = element("div.explorer-main", {}, this.box);
		main.style.setProperty("--cells", this.count);
		this.addMap(main);
		this.addList(main);
		this.addTokens();
		this.addThumbnails();
		this.status = element("p.visually-hidden", { role: "status" }, this.box);
		on(this.box, "keydown", (event) => this.onKey(event));
		this.showPattern({ masked: true });
		if (presets.length) this.choosePreset(presets[0]);
		else this.showRow();
		this.observer = new ResizeObserver(() => this.drawArcs());
		this.observer.observe(this.strip);
	}
	addPresets() {
		if (!this.presets.length) return;
		const examples = { role: "group", "aria-label": t("Examples") };
		const bar = element("p.live-bar.explorer-presets", examples, this.box);
		this.presetButtons = this.presets.map((preset) => {
			const button = element("button.tool", {}, bar, t(preset.name));
			on(button, "click", () => this.choosePreset(preset));
			return button;
		});
	}
	choosePreset({ layer, head, query, key }) {
		this.update({ layer, head, row: query, column: key ?? null, locked: false });
	}
	addArcs() {
		this.lead = element("p.explorer-lead", {}, this.box);
		this.strip = element("p.explorer-strip", { "aria-hidden": "true" }, this.box);
		this.arcs = document.createElementNS(SVG, "svg");
		this.arcs.classList.add("explorer-arcs");
		this.strip.append(this.arcs);
		on(this.strip, "mouseleave", () => this.update({ column: null }));
	}
	drawArcs() {
		const paths = [];
		for (let query = 0; query < this.count; query++) {
			const shares = this.patterns.row(this.state, query);
			shares.forEach((share, key) => {
				const least = query === this.state.row ? LEAST_ARC : LEAST_FAINT_ARC;
				if (share >= least && key < query) paths.push(this.arc(query, key, share));
			});
		}
		paths.sort((a, b) => a.classList.length - b.classList.length);
		this.arcs.replaceChildren(...paths);
	}
	arc(query, key, share) {
		const [from, to] = [query, key].map((i) => this.parts[i].chip);
		const ends = [from, to].map((chip) => [
			chip.offsetLeft + chip.offsetWidth / 2,
			chip.offsetTop - 1,
		]);
		const [[x, y], [x2, y2]] = ends;
		const rise = clamp(Math.abs(x - x2) * 0.45, 14, MOST_RISE);
		const path = document.createElementNS(SVG, "path");
		const d = `M${x} ${y}C${x} ${y - rise} ${x2} ${y2 - rise} ${x2} ${y2}`;
		const { row, column } = this.state;
		path.setAttribute("d", d);
		path.style.strokeWidth = query === row ? 1.5 + 7 * share : 1.2;
		path.style.opacity = query === row ? 0.9 : 0.3 * share;
		if (query === row) path.classList.add("from-row");
		if (query === row && key === column) path.classList.add("to-column");
		return path;
	}
	addBar() {
		const bar = element("div.explorer-bar", {}, this.box);
		this.layerSlider = this.addSlider(bar, t("Layer"), "layer", 0, this.layers.length - 1);
		this.headSlider = this.addSlider(bar, t("Head"), "head", MEAN, this.heads - 1);
		const option = element("label.explorer-option", {}, bar);
		const check = element("input", { type: "checkbox" }, option);
		option.append(t("Leave out the first token"));
		on(check, "change", () => this.update({ withoutFirst: check.checked }));
	}
	addSlider(bar, label, key, least, most) {
		const wrap = element("label.explorer-slider", {}, bar, label);
		const input = element("input", { type: "range", min: 0, max: most - least, step: 1 }, wrap);
		const output = element("output", {}, wrap);
		on(input, "input", () => this.update({ [key]: Number(input.value) + least }));
		return (text) => {
			input.value = this.state[key] - least;
			input.ariaValueText = text;
			output.textContent = text;
		};
	}
	addLegend() {
		const legend = element("p.explorer-legend", {}, this.box, "0");
		const scale = Array.from({ length: 256 }, (_, i) => i / 256);
		this.patterns.paint(addCanvas(legend, scale.length, 1), [scale]);
		legend.append("1");
		this.meaning = element("span", {}, legend);
	}
	addMap(main) {
		const map = element("div.explorer-map", {}, main);
		const rows = { role: "group", "aria-label": t("Token that looks") };
		element("span.explorer-axis", {}, map, t("↓ token that looks"));
		this.rows = element("div.explorer-rows", rows, map);
		const cells = element("div.explorer-cells", {}, map);
		this.canvas = addCanvas(cells, this.count, this.count);
		this.rowMark = element("div.explorer-mark", {}, cells);
		this.columnMark = element("div.explorer-mark", {}, cells);
		this.columns = element("div.explorer-columns", { "aria-hidden": "true" }, map);
		element("span.explorer-axis", {}, map, t("→ token it looks at"));
		on(cells, "mousemove", (event) => this.point(...this.cellUnder(event, cells), event));
		on(cells, "click", (event) => this.lock(this.cellUnder(event, cells)[0]));
		on(cells, "mouseleave", () => this.update({ column: null }));
	}
	cellUnder({ clientX, clientY }, cells) {
		const { left, top, width } = cells.getBoundingClientRect();
		return [clientY - top, clientX - left].map((offset) =>
			clamp(Math.floor((offset / width) * this.count), 0, this.count - 1),
		);
	}
	addList(main) {
		const list = element("div.explorer-list", {}, main);
		this.heading = element("p.explorer-heading", {}, list);
		this.items = element("ol", {}, list);
	}
	addTokens() {
		this.parts = this.tokens.map((token, i) => {
			const facts = { title: this.facts[i] };
			const label = { "aria-label": t("row {row}, {token}", { row: i, token }) };
			const item = element("li", {}, this.items);
			element("span.explorer-at", {}, item, i);
			element("span.tok", facts, item, token);
			const part = {
				item,
				bar: element("i", {}, element("span.explorer-share", {}, item)),
				value: element("span.explorer-value", {}, item),
				button: element("button", label, this.rows, token),
				column: element("span", {}, element("span", {}, this.columns), token),
				chip: element("span.tok", facts, this.strip, token),
			};
			on(part.button, "focus mouseenter", (event) => this.point(i, null, event));
			on(part.chip, "mouseenter", (event) => this.point(i, i, event));
			for (const target of [part.button, part.chip]) on(target, "click", () => this.lock(i));
			return part;
		});
	}
	addThumbnails() {
		const label = t("All patterns: rows are heads, columns are layers");
		const scroll = element("div.explorer-grid.scroll", {}, this.box);
		this.table = element("table", { role: "grid", "aria-label": label }, scroll);
		const top = element("tr", {}, element("thead", {}, this.table));
		const body = element("tbody", {}, this.table);
		this.thumbs = [];
		element("td", {}, top, t("layer"));
		for (const layer of this.layers) element("th", { scope: "col" }, top, layer);
		for (let head = MEAN; head < this.heads; head++) {
			const row = element("tr", {}, body);
			element("th", { scope: "row" }, row, head === MEAN ? t("mean") : t("head {head}", { head }));
			this.layers.forEach((_, layer) => this.addThumbnail(row, layer, head));
		}
	}
	addThumbnail(row, layer, head) {
		const cell = element("td", { role: "gridcell" }, row);
		const button = element("button", { "aria-label": this.nameOf(layer, head) }, cell);
		const canvas = addCanvas(button, this.count, this.count);
		this.thumbs.push({ layer, head, cell, button, canvas });
		on(button, "click", () => {
			this.update({ layer, head });
			this.parts[this.state.row].button.focus();
		});
	}
	nameOf(layer, head) {
		const heads = head === MEAN ? t("mean of the heads") : t("head {head}", { head });
		return t("layer {layer}, {heads}", { layer: this.layers[layer], heads });
	}
	point(row, column, event) {
		const position = `${event.screenX} ${event.screenY}`;
		if (position === this.pointer) return; // the page moved, not the mouse
		if (event.type !== "focus") this.pointer = position;
		this.update(this.state.locked ? { column } : { row, column });
	}
	lock(row) {
		this.update({ row, locked: !(this.state.locked && this.state.row === row) });
	}
	update(changes) {
		const masked = "withoutFirst" in changes;
		Object.assign(this.state, changes);
		if (masked || "layer" in changes || "head" in changes) this.showPattern({ masked });
		this.showRow();
	}
	showPattern({ masked }) {
		const { layer, head, withoutFirst } = this.state;
		this.layerSlider(this.layers[layer]);
		this.headSlider(head === MEAN ? t("mean") : head);
		this.patterns.draw(this.canvas, this.state);
		this.meaning.textContent = withoutFirst
			? t("share of what the first token leaves, each row summing to one again")
			: t("share of attention");
		for (const thumb of this.thumbs) {
			const selected = thumb.layer === layer && thumb.head === head;
			thumb.button.tabIndex = selected ? 0 : -1;
			thumb.cell.ariaSelected = selected;
			if (masked) this.patterns.draw(thumb.canvas, { ...thumb, withoutFirst });
		}
	}
	showRow() {
		const { row, column, locked } = this.state;
		const shares = this.patterns.row(this.state, row);
		this.heading.textContent = t("Row {row}, {token} looks at", {
			row,
			token: this.tokens[row],
		});
		const lock = locked ? t("locked: Escape lets go") : t("click or Enter locks it");
		element("small", {}, this.heading, lock);
		this.parts.forEach((part, i) => this.showPart(part, i, shares[i] ?? null));
		const size = 100 / this.count;
		this.rowMark.style.cssText = `left:0;right:0;height:${size}%;top:${size * row}%`;
		this.columnMark.style.cssText = `top:0;bottom:0;width:${size}%;left:${size * column}%`;
		this.columnMark.hidden = column === null;
		this.showLead(shares);
		this.drawArcs();
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.announce(shares), SPEAK_AFTER);
	}
	showLead(shares) {
		const { layer, head, row, column } = this.state;
		const most = shares.reduce((best, share, i) => (share > shares[best] ? i : best), 0);
		const key = column !== null && column < row ? column : most;
		const share = shares[key] === null ? t("nothing") : this.percent(shares[key]);
		const parts = {
			"{reader}": element("span.tok", {}, undefined, this.tokens[row]),
			"{share}": element("b", {}, undefined, share),
			"{source}": element("span.tok", {}, undefined, this.tokens[key]),
		};
		const words = t("{reader} gives {share} of its attention to {source}").split(/(\{\w+\})/);
		this.lead.replaceChildren(...words.map((word) => parts[word] ?? word));
		element("small", {}, this.lead, this.nameOf(layer, head));
		this.presetButtons?.forEach((button, i) => {
			const preset = this.presets[i];
			const { layer: at, head: of, query } = preset;
			button.setAttribute("aria-pressed", at === layer && of === head && query === row);
		});
	}
	showPart({ item, bar, value, button, column, chip }, i, share) {
		const { state } = this;
		const looks = i === state.row;
		const missing = i > state.row ? t("later") : t("left out");
		item.classList.toggle("absent", share === null);
		bar.style.width = `${100 * share}%`;
		value.textContent = share === null ? missing : this.percent(share);
		chip.style.boxShadow = `inset 0 ${-1.2 * share}em var(--accent-tint)`;
		button.tabIndex = looks ? 0 : -1;
		button.ariaPressed = looks && state.locked;
		for (const node of [button, chip]) node.classList.toggle("looking", looks);
		for (const node of [item, chip, column]) node.classList.toggle("marked", i === state.column);
	}
	percent(share) {
		return percent(share, this.state.row === Number(this.state.withoutFirst));
	}
	announce(shares) {
		const { layer, head, withoutFirst, row, locked } = this.state;
		const best = [...shares.keys()]
			.filter((key) => shares[key] !== null)
			.sort((a, b) => shares[b] - shares[a])
			.slice(0, MOST_SPOKEN)
			.map((key) =>
				t("{share} to {token} at {place}", {
					share: this.percent(shares[key]),
					token: this.tokens[key],
					place: key,
				}),
			);
		const pattern = this.nameOf(layer, head) + (withoutFirst ? t(", first token left out") : "");
		const query =
			t("row {row}, {token}", { row, token: this.tokens[row] }) + (locked ? t(", locked") : "");
		this.status.textContent = `${pattern}; ${query}: ${best.join(", ") || t("nothing")}`;
	}
	onKey(event) {
		if (hasModifier(event)) return;
		const step = KEYS[event.key];
		if (event.key === "Escape" && this.state.locked) this.update({ locked: false });
		else if (step && event.target.closest("button")) this.move(step, event.target);
		else return;
		event.preventDefault();
	}
	move([across, down], target) {
		const layer = clamp(this.state.layer + across, 0, this.layers.length - 1);
		if (this.table.contains(target)) {
			this.update({ layer, head: clamp(this.state.head + down, MEAN, this.heads - 1) });
			this.table.querySelector("[tabindex='0']").focus();
		} else {
			this.update({ layer, row: clamp(this.state.row + down, 0, this.count - 1) });
			this.parts[this.state.row].button.focus();
		}
	}
}
return { AttentionExplorer };
});
define("scripts/viewer.js", () => {
const { t } = modules["scripts/messages.js"];
const { element, loadScript, on } = modules["scripts/common.js"];
function decodeFloats(text) {
	const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
	const view = new DataView(bytes.buffer);
	return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
function startViewers(kind, label, makeView) {
	for (const figure of document.querySelectorAll(`.figure[data-opens='${kind}']`)) {
		addViewer(figure, label, makeView);
	}
}
function addViewer(figure, label, makeView) {
	const href = figure.dataset.script;
	const picture = figure.querySelector(".picture");
	const paragraph = element("p.explorer-open");
	const button = element("button.tool", {}, paragraph);
	let view = null;
	let requested = false;
	function show(open) {
		figure.classList.toggle("exploring", open);
		button.ariaExpanded = open;
		button.textContent = open ? t("Back to the picture") : label;
	}
	function reportMissing() {
		button.textContent = t("Its data is missing: {file}", { file: href });
	}
	function onLoad() {
		const data = window.layerbookData?.[href];
		if (!data) return reportMissing();
		view = figure.insertBefore(makeView(figure, data), picture);
		show(true);
	}
	on(button, "click", () => {
		if (view) return show(!figure.classList.contains("exploring"));
		if (requested) return;
		requested = true;
		loadScript(href).then(onLoad, reportMissing);
	});
	show(false);
	figure.insertBefore(paragraph, picture);
}
return { decodeFloats, startViewers };
});
define("scripts/attention.js", () => {
const { t } = modules["scripts/messages.js"];
const { AttentionExplorer } = modules["scripts/explorer.js"];
const { Patterns } = modules["scripts/patterns.js"];
const { startViewers } = modules["scripts/viewer.js"];
function makeView(figure, data) {
	const name = figure.querySelector(".figure-number").textContent.replace(/\.$/, "");
	return new AttentionExplorer(
		t("{figure}, every layer and head", { figure: name }),
		data,
		new Patterns(data),
	).box;
}
startViewers("patterns", t("Explore every layer and head"), makeView);
});
define("scripts/points.js", () => {
const { t } = modules["scripts/messages.js"];
const { element, hasModifier, on } = modules["scripts/common.js"];
const REACH = 24; // pixels from the pointer to the dot it means
const NONE = -1;
function takeDot(group) {
	const title = group.querySelector("title");
	const use = group.querySelector("use");
	title.remove();
	const position = `${use.getAttribute("x")} ${use.getAttribute("y")}`;
	return { group, use, position, number: group.dataset.point, text: title.textContent };
}
class PointMap {
	current = NONE;
	constructor(svg, dots) {
		this.svg = svg;
		this.dots = dots;
		this.links = [...svg.querySelectorAll(".fig-link")];
		this.createReadout(svg.querySelector("title")?.textContent);
		on(svg, "pointermove pointerleave click", (event) => this.onPointer(event));
		this.show(NONE);
		this.bar.classList.add(...(svg.closest(".wide, .narrow")?.classList ?? []));
		svg.closest(".picture").after(this.bar);
	}
	createReadout(title) {
		const label = title === undefined ? t("The points") : t("The points: {title}", { title });
		this.bar = element("div.readout", { role: "group", "aria-label": label });
		const back = element("button", { "aria-label": t("Previous point") }, this.bar, "‹");
		const forward = element("button", { "aria-label": t("Next point") }, this.bar, "›");
		on(back, "click", () => this.step(-1));
		on(forward, "click", () => this.step(1));
		this.readout = element("output", {}, this.bar);
		on(this.bar, "keydown", (event) => this.onKey(event));
	}
	show(index) {
		const dot = this.dots[index];
		const lit = new Set(dot && [dot.number]);
		this.current = index;
		for (const link of this.links) {
			const ends = link.dataset.link.split(" ");
			const touches = dot !== undefined && ends.includes(dot.number);
			link.classList.toggle("lit", touches);
			if (touches) for (const end of ends) lit.add(end);
		}
		for (const { group, number, position } of this.dots) {
			group.classList.toggle("lit", lit.has(number) || position === dot?.position);
		}
		this.svg.classList.toggle("pointing", dot !== undefined);
		this.readout.textContent =
			dot?.text ??
			t("Point at one of the {count} dots, or step through them.", { count: this.dots.length });
	}
	step(by) {
		const count = this.dots.length;
		this.show(this.current === NONE && by < 0 ? count - 1 : (this.current + by + count) % count);
	}
	onPointer(event) {
		if (event.type !== "click" && event.pointerType === "touch") return;
		const nearest = event.type === "pointerleave" ? NONE : this.nearestTo(event);
		if (nearest !== this.current) this.show(nearest);
	}
	nearestTo({ clientX, clientY }) {
		let nearest = NONE;
		let reach = REACH;
		this.dots.forEach(({ use }, index) => {
			const { left, right, top, bottom } = use.getBoundingClientRect();
			const distance = Math.hypot((left + right) / 2 - clientX, (top + bottom) / 2 - clientY);
			if (distance >= reach) return;
			reach = distance;
			nearest = index;
		});
		return nearest;
	}
	onKey(event) {
		if (hasModifier(event)) return;
		const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
		const target = { Home: 0, End: this.dots.length - 1, Escape: NONE }[event.key];
		if (by) this.step(by);
		else if (target !== undefined) this.show(target);
		else return;
		event.preventDefault();
		event.stopPropagation();
	}
}
for (const svg of document.querySelectorAll(".picture svg")) {
	const dots = Array.from(svg.querySelectorAll(".fig-point"), takeDot);
	dots.sort((a, b) => a.number - b.number);
	if (dots.length) new PointMap(svg, dots);
}
});
define("scripts/sampling.js", () => {
function sum(values, from, to) {
	let total = 0;
	for (let rank = to - 1; rank >= from; rank--) total += values[rank];
	return total;
}
function truncate(probs, by, from, to) {
	const rest = sum(probs, 0, from);
	const lost = sum(probs, from, to);
	for (let rank = 0; rank < to; rank++) probs[rank] = rank < from ? probs[rank] / rest : 0;
	return { by, from, count: to - from, lost: lost / (rest + lost) };
}
function countReaching(probs, mass, count) {
	let total = probs[0];
	let rank = 1;
	for (; rank < count && total < mass; rank++) total += probs[rank];
	return rank;
}
class Scores {
	constructor(logits) {
		this.logits = logits;
		this.order = Uint32Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
	}
	sample(temperature, topK, topP) {
		const probs = this.weights(temperature);
		const [by, count] = temperature ? ["top-k", topK] : ["greedy", 1];
		const cuts = [truncate(probs, by, count, this.order.length)];
		if (topP < 1) cuts.push(truncate(probs, "top-p", countReaching(probs, topP, count), count));
		const zero = probs.indexOf(0);
		const left = zero < 0 ? probs.length : zero;
		const bits = probs.subarray(0, left).reduce((total, p) => total - p * Math.log2(p), 0);
		const { from } = cuts.at(-1);
		cuts.push({ by: "rounding", from: left, count: from - left });
		return { probs, cuts, left, choices: 2 ** bits };
	}
	weights(temperature) {
		const { logits, order } = this;
		const best = logits[order[0]];
		return Float64Array.from(order, (id, rank) => {
			if (rank === 0) return 1;
			return temperature && Math.exp((logits[id] - best) / temperature);
		});
	}
}
return { sum, Scores };
});
define("scripts/playground.js", () => {
const { decimal, grouped, t } = modules["scripts/messages.js"];
const { element, on, percent } = modules["scripts/common.js"];
const { Scores, sum } = modules["scripts/sampling.js"];
const { decodeFloats, startViewers } = modules["scripts/viewer.js"];
const TOP_K = 1; // which knob it is
const MOST_DRAWN = 30;
const MANY = 1000;
const AT_ONCE = 25; // draws between two pictures
const knobsOf = (preset) => JSON.parse(preset.dataset.knobs);
function partsOf(item) {
	const [, token, , bar, own, value, count] = item.querySelectorAll("span, i, b");
	return { item, token, bar, own, value, count, drawn: item.querySelector("em") };
}
function fillRow(row, probability, own, cut) {
	row.item.classList.toggle("absent", Boolean(cut));
	row.bar.style.width = `${100 * probability}%`;
	row.own.style.left = `${100 * own}%`;
	row.value.textContent = cut ? `✗ ${cut.by}` : percent(probability);
	row.value.title = probability;
}
class Playground {
	scores = []; // by prompt, once it has been chosen
	constructor(figure, data) {
		this.data = data;
		this.texts = data.texts.replaceAll(" ", "·").split("\n");
		const box = figure.querySelector("template").content.firstElementChild.cloneNode(true);
		this.box = box;
		this.prompts = box.querySelector("select");
		this.summary = box.querySelector(".play-told");
		this.drawn = box.querySelector(".play-drawn");
		this.rows = Array.from(box.querySelectorAll("li"), partsOf);
		this.others = this.rows.pop();
		this.presets = box.querySelectorAll("[data-knobs]");
		const fields = box.querySelectorAll("[type=number]");
		const sliders = box.querySelectorAll("[type=range]");
		this.controls = Array.from(sliders, (slider, i) => this.connect(i, slider, fields[i]));
		for (const preset of this.presets) on(preset, "click", () => this.choosePreset(preset));
		on(box.querySelector(".play-draw"), "click", () => this.drawToken());
		on(box.querySelector(".play-many"), "click", () => this.drawMany());
		on(this.prompts, "change", () => {
			this.choosePrompt();
			this.show();
		});
		this.choosePrompt();
		this.choosePreset(this.presets[0]);
	}
	connect(i, slider, field) {
		const fromSlider = (value) => (i === TOP_K ? Math.round(this.size ** value) : Number(value));
		const toSlider = (value) => (i === TOP_K ? Math.log(value) / Math.log(this.size) : value);
		const set = (value, source) => {
			this.knobs[i] = value;
			this.show(source);
		};
		on(slider, "input", () => set(fromSlider(slider.value), slider));
		on(field, "input", () => {
			if (field.value && field.validity.valid) set(Number(field.value), field);
		});
		on(field, "change", () => this.show());
		return (source) => {
			const value = this.knobs[i];
			if (source !== slider) slider.value = toSlider(value);
			if (source !== field) field.value = value;
			slider.ariaValueText = value;
		};
	}
	choosePrompt() {
		const index = this.prompts.selectedIndex;
		this.scores[index] ??= new Scores(decodeFloats(this.data.logits[index]));
		this.current = this.scores[index];
		this.size = this.current.order.length;
		this.own = this.current.sample(1, this.size, 1).probs;
		this.rows.forEach((row, rank) => this.writeToken(row.token, rank));
	}
	choosePreset(preset) {
		this.knobs = knobsOf(preset);
		this.show();
	}
	writeToken(chip, rank) {
		const id = this.current.order[rank];
		chip.textContent = this.texts[id] || t("empty");
		chip.title = t("token {id}, rank {rank}", { id, rank: rank + 1 });
		return chip;
	}
	drawRank() {
		const { probs, left } = this.sampled;
		let remaining = Math.random() - probs[0];
		let rank = 0;
		while (remaining >= 0 && rank < left - 1) remaining -= probs[++rank];
		return rank;
	}
	drawMany() {
		cancelAnimationFrame(this.frame);
		const total = this.total + MANY;
		const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
		const go = () => {
			const until = reduced ? total : Math.min(total, this.total + AT_ONCE);
			for (; this.total < until; this.total++) {
				const rank = Math.min(this.drawRank(), this.rows.length);
				this.counts[rank]++;
			}
			this.showCounts();
			if (this.total < total) this.frame = requestAnimationFrame(go);
			else this.drawn.textContent = t("{count} draws", { count: grouped(total) });
		};
		this.drawn.textContent = "";
		go();
	}
	showCounts() {
		[...this.rows, this.others].forEach(({ count, drawn }, rank) => {
			count.textContent = this.total ? `${grouped(this.counts[rank])}×` : "";
			drawn.style.width = `${this.total ? (100 * this.counts[rank]) / this.total : 0}%`;
		});
	}
	drawToken() {
		this.forgetCounts();
		const rank = this.drawRank();
		this.drawn.prepend(this.writeToken(element("span.tok"), rank));
		if (this.drawn.children.length > MOST_DRAWN) this.drawn.lastChild.remove();
	}
	forgetCounts() {
		cancelAnimationFrame(this.frame);
		if (this.total) this.drawn.textContent = "";
		this.total = 0;
		this.counts = Array.from({ length: this.rows.length + 1 }, () => 0);
		this.showCounts();
	}
	show(source) {
		this.sampled = this.current.sample(...this.knobs);
		const { probs, cuts } = this.sampled;
		for (const write of this.controls) write(source);
		this.rows.forEach((row, rank) => {
			const cut = cuts.find(({ from }) => rank >= from);
			fillRow(row, probs[rank], this.own[rank], cut);
		});
		this.showOthers();
		this.summary.textContent = this.describe();
		for (const preset of this.presets) {
			preset.ariaPressed = knobsOf(preset).join() === this.knobs.join();
		}
		this.drawn.textContent = "";
		this.forgetCounts();
	}
	showOthers() {
		const { size, own } = this;
		const { probs, left } = this.sampled;
		const shown = this.rows.length;
		const leftOthers = grouped(Math.max(0, left - shown));
		this.others.token.textContent = t("{left} of {count} others", {
			left: leftOthers,
			count: grouped(size - shown),
		});
		fillRow(this.others, sum(probs, shown, size), sum(own, shown, size));
	}
	describe() {
		const { cuts, left, choices } = this.sampled;
		const counts = { left: grouped(left), count: grouped(this.size) };
		const fair = { ...counts, choices: decimal(choices.toFixed(2)) };
		const parts = [
			t("{left} of {count} tokens are left, as uncertain as a fair choice among {choices}", fair),
		];
		cuts.forEach(({ by, count, lost }, i) => {
			if (!count) return;
			const whole = i && cuts[0].count ? t("what was left") : t("the probability");
			const removed = { by, count: grouped(count), share: percent(lost), whole };
			const part = lost
				? t("{by} removed {count} with {share} of {whole}", removed)
				: t("{by} removed {count}", removed);
			parts.push(part);
		});
		return parts.join("; ");
	}
}
const makeView = (figure, data) => new Playground(figure, data).box;
startViewers("scores", t("Turn the knobs yourself"), makeView);
});
define("scripts/widget.js", () => {
function startWidgets(kind, makeView) {
	for (const figure of document.querySelectorAll(`.figure[data-widget='${kind}']`)) {
		const name = figure.querySelector(".figure-number").textContent.replace(/\.$/, "");
		const view = makeView(JSON.parse(figure.dataset.values), name);
		figure.insertBefore(view, figure.querySelector(":scope > .picture, :scope > .frames"));
		figure.classList.add("exploring");
	}
}
return { startWidgets };
});
define("scripts/writing.js", () => {
const { element, hasModifier, on, percent, targetOfKey } = modules["scripts/common.js"];
const { decimal, grouped, t } = modules["scripts/messages.js"];
const { Scores } = modules["scripts/sampling.js"];
const { startWidgets } = modules["scripts/widget.js"];
const MODEL_ITSELF = { temperature: 1, topP: 1 }; // and all of the listed tokens
const rounded = (share) => (share < 0.01 ? percent(share) : `${Math.round(100 * share)}\u202f%`);
class Writing {
	written = []; // the chosen tokens: { rank, share, prob, text: the number of the text it followed }
	shown = 0; // which step's wheel is on show
	constructor({ prompt, tokens, listed, count, texts }, label) {
		Object.assign(this, { prompt, listed, texts });
		this.scores = texts.map(({ logs }) => new Scores(Float64Array.from(logs)));
		this.size = texts[0].logs.length;
		this.knobs = { ...MODEL_ITSELF, topK: this.size };
		this.box = element("div.explorer.play.writing", {
			role: "group",
			"aria-label": t("{figure}: a text to write", { figure: label }),
		});
		this.strip = element(
			"p.writing-text",
			{ role: "group", "aria-label": t("The text") },
			this.box,
		);
		for (const token of tokens) element("span.tok", {}, this.strip, token);
		on(this.strip, "keydown", (event) =>
			this.onArrow(event, [...this.strip.querySelectorAll("button")]),
		);
		this.addButtons();
		this.lead = element("p.writing-lead", { role: "status" }, this.box);
		this.addRows(count - this.size);
		this.addKnobs();
		this.show();
	}
	addButtons() {
		const bar = element("p.play-bar", {}, this.box);
		const add = (text, act) => {
			const button = element("button", {}, bar, text);
			on(button, "click", act);
			return button;
		};
		add(t("Spin the wheel"), () => this.take(this.drawRank()));
		add(t("Take the likeliest"), () => this.take(0));
		this.restart = add(t("Start again"), () => this.cutTo(0));
	}
	addRows(others) {
		const list = element("ol", {}, element("div.explorer-list", {}, this.box));
		this.rows = Array.from({ length: this.size }, (_, rank) => {
			const item = element("li", {}, list);
			const button = element("button.writing-row", {}, item);
			const token = element("span.tok", {}, button);
			const share = element("span.explorer-share", {}, button);
			const bar = element("i", {}, share);
			const own = element("b", {}, share);
			const value = element("span.explorer-value", {}, button);
			on(button, "click", () => this.take(rank));
			return { item, button, token, bar, own, value };
		});
		on(list, "keydown", (event) =>
			this.onArrow(
				event,
				this.rows.map(({ button }) => button),
			),
		);
		this.note = element("p.play-note", {}, this.box);
		this.others = grouped(others);
	}
	addKnobs() {
		const board = element("div.play-board", {}, this.box);
		const add = (name, text, attributes) => {
			element("span", { "aria-hidden": true }, board, text);
			const input = element("input", { type: "range", "aria-label": text, ...attributes }, board);
			const output = element("output", {}, board);
			on(input, "input", () => {
				this.knobs[name] = input.valueAsNumber;
				this.show();
			});
			return { name, input, output };
		};
		this.sliders = [
			add("temperature", t("Temperature"), { min: 0, max: 2, step: 0.05 }),
			add("topK", "Top-k", { min: 1, max: this.size, step: 1 }),
			add("topP", "Top-p", { min: 0, max: 1, step: 0.05 }),
		];
	}
	textBefore(step) {
		if (step === 0) return 0;
		const { text, rank } = this.written[step - 1];
		return this.leadsTo(text, rank);
	}
	leadsTo(text, rank) {
		const next = this.texts[text].leads[rank];
		return next < 0 ? undefined : next;
	}
	goesOn() {
		const last = this.textBefore(this.written.length);
		return last !== undefined && !this.texts[last].ended;
	}
	wheel(text) {
		const { temperature, topK, topP } = this.knobs;
		return this.scores[text].sample(temperature, topK, topP);
	}
	drawRank() {
		const { probs, left } = this.wheel(this.textBefore(this.shown));
		let remaining = Math.random() - probs[0];
		let rank = 0;
		while (remaining >= 0 && rank < left - 1) remaining -= probs[++rank];
		return rank;
	}
	take(rank) {
		const text = this.textBefore(this.shown);
		const share = this.wheel(text).probs[rank];
		this.written.length = this.shown;
		this.written.push({ text, rank, share, prob: Math.exp(this.texts[text].logs[rank]) });
		if (this.goesOn()) this.shown++;
		this.show();
	}
	cutTo(step) {
		this.written.length = step;
		this.showStep(step);
	}
	showStep(step) {
		this.shown = step;
		this.show();
	}
	tokenOf({ text, rank }) {
		return this.listed[this.texts[text].tokens[rank]];
	}
	show() {
		this.showText();
		this.showWheel(this.textBefore(this.shown));
		this.describe();
		for (const { name, input, output } of this.sliders) {
			input.value = this.knobs[name];
			output.textContent = input.ariaValueText = decimal(String(this.knobs[name]));
		}
		this.restart.disabled = !this.written.length;
	}
	showText() {
		const focused = this.strip.contains(document.activeElement);
		for (const old of this.strip.querySelectorAll("button")) old.remove();
		this.written.forEach((choice, step) => {
			const [, shown] = this.tokenOf(choice);
			const values = { step: step + 1, token: shown, share: rounded(choice.share) };
			const button = this.addStep(step, shown || t("empty"), values.share);
			button.ariaLabel = t("step {step}: {token}, with {share} of the wheel", values);
		});
		const next = this.written.length;
		if (this.goesOn()) {
			const label = t("step {step}: the next token", { step: next + 1 });
			const button = this.addStep(next, "?", "");
			button.ariaLabel = label;
			button.classList.add("next");
		}
		if (focused) this.strip.querySelector("[aria-pressed='true']").focus();
	}
	addStep(step, shown, share) {
		const attributes = { "aria-pressed": step === this.shown };
		const button = element("button.writing-step", attributes, this.strip);
		button.tabIndex = step === this.shown ? 0 : -1;
		element("span.tok", {}, button, shown);
		element("small", {}, button, share);
		on(button, "click", () => this.showStep(step));
		return button;
	}
	showWheel(text) {
		const { tokens, logs } = this.texts[text];
		const { probs, cuts } = this.wheel(text);
		const taken = this.written[this.shown]?.rank;
		this.rows.forEach(({ item, button, token, bar, own, value }, rank) => {
			const cut = cuts.find(({ from }) => rank >= from);
			token.textContent = this.listed[tokens[rank]][1] || t("empty");
			bar.style.width = `${100 * probs[rank]}%`;
			own.style.left = `${100 * Math.exp(logs[rank])}%`;
			value.textContent = cut ? `✗ ${cut.by}` : percent(probs[rank]);
			item.classList.toggle("absent", Boolean(cut));
			item.classList.toggle("marked", rank === taken);
			item.classList.toggle("edge", this.leadsTo(text, rank) === undefined);
			button.tabIndex = rank === (taken ?? 0) ? 0 : -1;
		});
		const listed = logs.reduce((total, log) => total + Math.exp(log), 0);
		const values = {
			count: this.size,
			others: this.others,
			share: percent(Math.max(0, 1 - listed)),
		};
		this.note.textContent = [
			t("The wheel has the {count} likeliest tokens.", values),
			t("The {others} others, together {share}, are left out.", values),
			t("A mark on a line is the model’s own share."),
			t("The book has not computed what comes after a pale token."),
		].join(" ");
	}
	describe() {
		const { length } = this.written;
		this.lead.textContent = "";
		if (this.shown === length) this.lead.append(this.describeText());
		else if (this.shown === length - 1 && !this.goesOn()) this.describeEnd();
		else {
			const share = percent(this.written[this.shown].share);
			this.lead.append(
				t(
					"The marked token had {share} of the wheel. Choose again, and the text goes on from here.",
					{
						share,
					},
				),
			);
		}
	}
	describeText() {
		const { length } = this.written;
		if (!length) return t("Choose the first token, or spin the wheel.");
		const prob = this.written.reduce((total, choice) => total * choice.prob, 1);
		const values = { count: length, share: percent(prob) };
		return length === 1
			? t("The model gives this token {share}. What comes next?", values)
			: t("The model gives these {count} tokens together {share}. What comes next?", values);
	}
	describeEnd() {
		if (this.textBefore(this.written.length) !== undefined) {
			this.lead.append(t("The marked token ends the text. You can choose another one."));
			return;
		}
		this.lead.append(
			t("The book has not computed how this text goes on. You can choose another token."),
		);
		if (!document.querySelector("a[href^='try.html']")) return;
		const { temperature, topK, topP } = this.knobs;
		const written = this.written.map((choice) => this.tokenOf(choice)[0]).join("");
		const fragment = new URLSearchParams({
			text: this.prompt + written,
			temperature,
			"top-k": topK,
			"top-p": topP,
		});
		const link = { href: `try.html#${fragment}` };
		this.lead.append(" ");
		element("a", link, this.lead, t("Or let the model itself go on with it."));
	}
	onArrow(event, buttons) {
		const target = targetOfKey(event, buttons.indexOf(document.activeElement), buttons.length - 1);
		if (target === undefined || hasModifier(event)) return;
		event.preventDefault();
		buttons[target].focus();
	}
}
startWidgets("writing", (data, label) => new Writing(data, label).box);
});
define("scripts/own_text.js", () => {
const { loadScript, on } = modules["scripts/common.js"];
const { t } = modules["scripts/messages.js"];
const SCRIPT = "assets/own_text.js";
async function open(box) {
	try {
		if (!window.layerbook.openOwnText) await loadScript(SCRIPT);
		window.layerbook.openOwnText(box);
	} catch {
		const status = box.querySelector(".own-load .try-status");
		status.textContent = t("A file is missing: {name}", { name: SCRIPT });
	}
}
for (const box of document.querySelectorAll(".own-text")) {
	on(box.querySelector(".own-load button"), "click", () => open(box), { once: true });
	box.hidden = false;
}
});
define("scripts/clock.js", () => {
const SVG = "http://www.w3.org/2000/svg";
const RADIUS = 44;
const ARC_RADIUS = 18;
function svgElement(name, attributes = {}, parent) {
	const node = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
	parent?.append(node);
	return node;
}
const pointAt = (angle, radius) => [radius * Math.sin(angle), -radius * Math.cos(angle)];
function nearAngle(angle) {
	return Math.atan2(Math.sin(angle), Math.cos(angle));
}
class ClockFace {
	constructor(parent, roles) {
		this.svg = svgElement("svg", { viewBox: "-50 -50 100 100", "aria-hidden": "true" }, parent);
		this.svg.classList.add("clock");
		svgElement("circle", { r: RADIUS, class: "clock-rim" }, this.svg);
		for (let hour = 0; hour < 12; hour++) {
			const [x, y] = pointAt((hour * Math.PI) / 6, RADIUS - 4);
			const [x2, y2] = pointAt((hour * Math.PI) / 6, RADIUS);
			svgElement("path", { d: `M${x} ${y}L${x2} ${y2}`, class: "clock-tick" }, this.svg);
		}
		this.arc = svgElement("path", { class: "clock-arc" }, this.svg);
		this.hands = roles.map((role) => {
			const hand = svgElement("path", { class: "clock-hand" }, this.svg);
			hand.style.stroke = `var(--${role})`;
			return hand;
		});
		svgElement("circle", { r: 2.5, class: "clock-pin" }, this.svg);
	}
	show(hands, { arc = false } = {}) {
		hands.forEach(([angle, length], i) => {
			const [x, y] = pointAt(angle, RADIUS * length);
			const [left, leftY] = pointAt(angle - 0.14 / length, RADIUS * length - 6);
			const [right, rightY] = pointAt(angle + 0.14 / length, RADIUS * length - 6);
			const d = `M0 0L${x} ${y}M${left} ${leftY}L${x} ${y}L${right} ${rightY}`;
			this.hands[i].setAttribute("d", d);
		});
		if (!arc) return;
		const [[from], [to]] = hands;
		const [x, y] = pointAt(from, ARC_RADIUS);
		const [x2, y2] = pointAt(to, ARC_RADIUS);
		const sweep = Number(nearAngle(to - from) > 0);
		const d = `M${x} ${y}A${ARC_RADIUS} ${ARC_RADIUS} 0 0 ${sweep} ${x2} ${y2}`;
		this.arc.setAttribute("d", d);
	}
}
return { SVG, svgElement, nearAngle, ClockFace };
});
define("scripts/waves.js", () => {
const { ClockFace, svgElement } = modules["scripts/clock.js"];
const { clamp, element, on } = modules["scripts/common.js"];
const { decimal, grouped, t } = modules["scripts/messages.js"];
const { startWidgets } = modules["scripts/widget.js"];
const CLOCKS = 5;
const SLIDER_STEPS = 400;
const FINE = 4; // points of a wave between two seats
const FIRST_SEAT = 6;
const RUN = `▶ ${t("Let them run")}`;
const MILLISECONDS_PER_SEAT = 160;
const countText = (number) =>
	number < 100 ? decimal(number.toFixed(1)) : grouped(Math.round(number));
const rounded = (C) => Number(C.toPrecision(C < 100 ? 2 : 1));
class Waves {
	timer = null;
	constructor({ d_model, seats, C }, label) {
		Object.assign(this, { d_model, seats });
		this.largest = Math.max(10, ...C);
		this.state = { C: C[0], seat: Math.min(FIRST_SEAT, seats) };
		this.box = element("div.explorer.waves", {
			role: "group",
			"aria-label": t("{figure}: clocks", { figure: label }),
		});
		this.addPresets(C);
		const sliders = element("div.explorer-bar", {}, this.box);
		this.knob = this.addSlider(sliders, "C", SLIDER_STEPS, (value) => {
			this.update({ C: rounded(this.largest ** (value / SLIDER_STEPS)) });
		});
		this.place = this.addSlider(sliders, t("Seat"), seats, (seat) => {
			this.pause();
			this.update({ seat });
		});
		this.play = element("button.tool", {}, sliders, RUN);
		on(this.play, "click", () => this.togglePlaying());
		this.lead = element("p.waves-lead", {}, this.box);
		this.addRows();
		this.update({});
	}
	addPresets(constants) {
		const group = { role: "group", "aria-label": t("Values of C") };
		const bar = element("p.live-bar.explorer-presets", group, this.box);
		this.presets = constants.map((C) => {
			const button = element("button.tool", {}, bar, `C = ${grouped(C)}`);
			on(button, "click", () => this.update({ C }));
			return [button, C];
		});
	}
	addSlider(bar, name, max, listener) {
		const label = element("label.explorer-slider", {}, bar, name);
		const input = element("input", { type: "range", min: 0, max, step: 1 }, label);
		const output = element("output", {}, label);
		on(input, "input", () => listener(Number(input.value)));
		return { input, output };
	}
	addRows() {
		const last = this.d_model / 2 - 1;
		this.rows = Array.from({ length: CLOCKS }, (_, i) => {
			const pair = Math.round((i * last) / (CLOCKS - 1));
			const row = element("div.waves-row", {}, this.box);
			const face = new ClockFace(row, ["accent"]);
			const box = { viewBox: `0 -1.25 ${this.seats} 2.5`, preserveAspectRatio: "none" };
			const plot = element("div.waves-plot", {}, row);
			const svg = svgElement("svg", { ...box, "aria-hidden": "true" }, plot);
			const wave = svgElement("path", {}, svg);
			const cursor = element("i.waves-cursor", {}, plot);
			const dot = element("i.waves-dot", {}, plot);
			const note = element("span.waves-note", {}, row);
			on(plot, "pointerdown pointermove", (event) => this.onPointer(event, plot));
			return { pair, face, wave, cursor, dot, note };
		});
	}
	onPointer(event, plot) {
		if (event.type === "pointermove" && !event.buttons) return;
		const { left, width } = plot.getBoundingClientRect();
		const seat = Math.round(((event.clientX - left) / width) * this.seats);
		this.pause();
		this.update({ seat: clamp(seat, 0, this.seats) });
	}
	speed(pair) {
		return this.state.C ** ((-2 * pair) / this.d_model);
	}
	update(changes) {
		Object.assign(this.state, changes);
		const { C, seat } = this.state;
		this.knob.input.value = Math.round((SLIDER_STEPS * Math.log(C)) / Math.log(this.largest));
		this.knob.output.textContent = grouped(C);
		this.knob.input.ariaValueText = `${grouped(C)}. ${this.describe()}`;
		this.place.input.value = seat;
		this.place.output.textContent = seat;
		for (const [button, preset] of this.presets) button.ariaPressed = preset === C;
		for (const row of this.rows) this.showRow(row);
		const turns = this.rows.map((row) => decimal(this.turns(row.pair).toFixed(2)));
		const description = t("{seat}: the clocks have made {turns} turns", {
			seat,
			turns: turns.join("; "),
		});
		this.place.input.ariaValueText = description;
		this.lead.textContent = this.describe();
	}
	turns(pair) {
		return (this.state.seat * this.speed(pair)) / (2 * Math.PI);
	}
	showRow({ pair, face, wave, cursor, dot, note }) {
		const speed = this.speed(pair);
		const angle = this.state.seat * speed;
		face.show([[angle, 0.92]]);
		const points = Array.from({ length: this.seats * FINE + 1 }, (_, i) => {
			const seat = i / FINE;
			return `${seat} ${(-Math.sin(seat * speed)).toFixed(4)}`;
		});
		wave.setAttribute("d", `M${points.join("L")}`);
		const left = `${(100 * this.state.seat) / this.seats}%`;
		cursor.style.left = dot.style.left = left;
		dot.style.top = `${50 - 40 * Math.sin(angle)}%`;
		const seats = countText((2 * Math.PI) / speed);
		note.textContent = t("once around in {seats} seats", { seats });
	}
	describe() {
		if (this.state.C === 1) return t("All clocks show the same time.");
		const [fast, slow] = [this.rows[0], this.rows.at(-1)].map(({ pair }) =>
			countText((2 * Math.PI) / this.speed(pair)),
		);
		const message = "The fastest clock comes around every {fast} seats, the slowest every {slow}.";
		return t(message, { fast, slow });
	}
	togglePlaying() {
		if (this.timer !== null) return this.pause();
		this.play.textContent = `❚❚ ${t("Stop")}`;
		this.timer = setInterval(() => {
			this.update({ seat: (this.state.seat + 1) % (this.seats + 1) });
		}, MILLISECONDS_PER_SEAT);
	}
	pause() {
		clearInterval(this.timer);
		this.timer = null;
		this.play.textContent = RUN;
	}
}
startWidgets("waves", (data, label) => new Waves(data, label).box);
});
define("scripts/turns.js", () => {
const { ClockFace, nearAngle, svgElement } = modules["scripts/clock.js"];
const { clamp, element, hasModifier, on, targetOfKey } = modules["scripts/common.js"];
const { decimal, mark, plural, t } = modules["scripts/messages.js"];
const { startWidgets } = modules["scripts/widget.js"];
const MINUS = "\u2212";
const ROLES = ["query", "key"];
const LABELS = [mark("Seat of {token}, the query"), mark("Seat of {token}, the key")];
const ASKER = 0;
const signed = (number) => decimal(number.toFixed(1).replace("-", MINUS));
const arrowOf = ([up, right]) => [Math.atan2(right, up), Math.hypot(up, right)];
class Turns {
	constructor({ names, query, key, speed, divisor, seats, start }, label) {
		Object.assign(this, { names, speed, divisor, seats, places: start.slice() });
		this.start = start;
		this.arrows = [arrowOf(query), arrowOf(key)];
		this.longest = Math.max(...this.arrows.map(([, length]) => length)) / 0.92;
		this.box = element("div.explorer.turns", {
			role: "group",
			"aria-label": t("{figure}: clocks", { figure: label }),
		});
		this.addPresets();
		this.addTrack();
		this.addFaces();
		this.lead = element("p.turns-lead", {}, this.box);
		this.addCurve();
		this.status = element("p.visually-hidden", { role: "status" }, this.box);
		this.update();
	}
	addPresets() {
		const group = { role: "group", "aria-label": t("Examples") };
		const bar = element("p.live-bar.explorer-presets", group, this.box);
		const add = (name, places) => {
			on(element("button.tool", {}, bar, name), "click", () => this.update(places(), true));
		};
		add(t("Side by side"), () => this.start.slice());
		add(t("Far apart"), () => [this.seats, 0]);
		add(`‹ ${t("Move both")}`, () => this.shifted(-1));
		add(`${t("Move both")} ›`, () => this.shifted(1));
	}
	shifted(by) {
		const fits = this.places.every((place) => place + by >= 0 && place + by <= this.seats);
		return this.places.map((place) => place + (fits ? by : 0));
	}
	addTrack() {
		this.track = element("div.turns-track", {}, this.box);
		for (let seat = 0; seat <= this.seats; seat++) {
			const tick = element("span.turns-seat", {}, this.track, seat % 4 ? "" : seat);
			tick.style.left = this.percentOf(seat);
		}
		this.tokens = this.names.map((name, i) => {
			const attributes = { role: "slider", tabindex: 0, "aria-valuemin": 0 };
			const token = element(`span.tok.turns-token.${ROLES[i]}`, attributes, this.track, name);
			token.ariaLabel = t(LABELS[i], { token: name });
			token.ariaValueMax = this.seats;
			on(token, "keydown", (event) => this.onKey(event, i));
			on(token, "pointerdown", (event) => token.setPointerCapture(event.pointerId));
			on(token, "pointermove", (event) => {
				if (token.hasPointerCapture(event.pointerId)) this.drag(event, i);
			});
			return token;
		});
	}
	percentOf(seat) {
		return `${(100 * seat) / this.seats}%`;
	}
	drag({ clientX }, i) {
		const { left, width } = this.track.getBoundingClientRect();
		this.move(i, Math.round(((clientX - left) / width) * this.seats));
	}
	onKey(event, i) {
		if (hasModifier(event)) return;
		const seat = targetOfKey(event, this.places[i], this.seats, 1);
		if (seat === undefined) return;
		this.move(i, seat);
		event.preventDefault();
	}
	move(i, seat) {
		const places = this.places.slice();
		const [from, to] = i === ASKER ? [places[1], this.seats] : [0, places[0]];
		places[i] = clamp(seat, from, to);
		this.update(places);
	}
	addFaces() {
		const row = element("div.turns-faces", {}, this.box);
		this.faces = [["query"], ["key"], ROLES].map((roles) => {
			const box = element("div", {}, row);
			const face = new ClockFace(box, roles);
			return { face, note: element("span", {}, box) };
		});
	}
	addCurve() {
		const heights = Array.from({ length: this.seats + 1 }, (_, d) => this.product(d));
		this.most = Math.max(...heights.map(Math.abs)) * 1.15 || 1;
		const plot = element("div.turns-plot", {}, this.box);
		const box = { viewBox: "0 -1 1 2", preserveAspectRatio: "none", "aria-hidden": "true" };
		const svg = svgElement("svg", box, plot);
		svgElement("path", { d: "M0 0H1", class: "turns-zero" }, svg);
		const fine = 8;
		const points = Array.from({ length: this.seats * fine + 1 }, (_, i) => {
			const height = -this.product(i / fine) / this.most;
			return `${(i / fine / this.seats).toFixed(4)} ${height.toFixed(4)}`;
		});
		svgElement("path", { d: `M${points.join("L")}`, class: "turns-curve" }, svg);
		this.dot = element("i.waves-dot", {}, plot);
		const words = element("p.turns-axis", {}, this.box);
		element("span", {}, words, t("same seat"));
		element("span", {}, words, t("what this clock adds to the score, by distance"));
		element("span", {}, words, t("{count} apart", { count: this.seats }));
	}
	angle(distance) {
		const [[query], [key]] = this.arrows;
		return query - key + distance * this.speed;
	}
	product(distance) {
		const [[, query], [, key]] = this.arrows;
		return (query * key * Math.cos(this.angle(distance))) / this.divisor;
	}
	update(places = this.places, speaks = false) {
		this.places = places;
		const turned = this.arrows.map(([angle, length], i) => [
			angle + places[i] * this.speed,
			length / this.longest,
		]);
		const distance = places[0] - places[1];
		const degrees = Math.abs((nearAngle(this.angle(distance)) * 180) / Math.PI).toFixed(0);
		const adds = signed(this.product(distance));
		const lead = plural(
			distance,
			"One seat apart: the angle is {degrees}°, and this clock adds {adds} to the score.",
			"{count} seats apart: the angle is {degrees}°, and this clock adds {adds} to the score.",
			{ degrees, adds },
		);
		this.tokens.forEach((token, i) => {
			token.style.left = this.percentOf(places[i]);
			token.ariaValueNow = places[i];
			token.ariaValueText = `${places[i]}. ${lead}`;
			this.faces[i].face.show([turned[i]]);
			this.faces[i].note.textContent = t("{token} in seat {seat}", {
				token: this.names[i],
				seat: places[i],
			});
		});
		this.faces[2].face.show(turned, { arc: true });
		this.faces[2].note.textContent = t("angle {degrees}°", { degrees });
		this.lead.textContent = lead;
		this.dot.style.left = this.percentOf(distance);
		this.dot.style.top = `${50 - (50 * this.product(distance)) / this.most}%`;
		if (speaks) this.status.textContent = this.lead.textContent;
	}
}
startWidgets("turns", (data, label) => new Turns(data, label).box);
});
define("scripts/map.js", () => {
const { clamp, element, hasModifier, on } = modules["scripts/common.js"];
const { decimal, t } = modules["scripts/messages.js"];
const { startViewers } = modules["scripts/viewer.js"];
const STEPS = 2000; // a coordinate is a whole number from -STEPS to STEPS
const MOST_ZOOM = 40;
const REACH = 22; // pixels from the pointer to the word it means
const LABEL = { width: 7, height: 15 }; // pixels of a letter and of a line, to keep labels apart
const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOMS = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 };
const FIND = t("Find a word");
const MINUS = "\u2212";
function decode(text, size, read) {
	const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
	const view = new DataView(bytes.buffer);
	return Array.from({ length: bytes.length / size }, (_, i) => view[read](size * i, true));
}
const spread = ([[x, y], [x2, y2]]) => Math.hypot(x - x2, y - y2);
class WordMap {
	current = -1;
	found = new Set();
	view = { x: 0, y: 0, zoom: 1 };
	pointers = new Map();
	constructor({ texts, places, neighbours, cosines, examples }, label) {
		this.texts = texts;
		this.places = decode(places, 2, "getInt16");
		this.neighbours = decode(neighbours, 2, "getUint16");
		this.cosines = decode(cosines, 1, "getInt8");
		this.each = this.neighbours.length / texts.length; // neighbors of a word
		this.box = element("div.explorer.map", {
			role: "group",
			"aria-label": t("{figure}: the map", { figure: label }),
		});
		this.addSearch(examples);
		this.lead = element("p.map-lead", { role: "status" }, this.box);
		this.canvas = element("canvas.map-canvas", { tabindex: 0, role: "img" }, this.box);
		this.canvas.ariaLabel = t("The map: arrow keys move it, plus and minus zoom.");
		this.addZoom();
		this.listen();
		new ResizeObserver(() => this.draw()).observe(this.canvas);
		on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.draw());
		const redraw = { attributes: true, attributeFilter: ["data-theme"] };
		new MutationObserver(() => this.draw()).observe(document.documentElement, redraw);
		this.choose(examples[0], true);
	}
	addSearch(examples) {
		const bar = element("p.live-bar.explorer-presets", {}, this.box);
		const attributes = { type: "search", placeholder: FIND, "aria-label": FIND };
		this.field = element("input", attributes, bar);
		on(this.field, "input", () => this.search(this.field.value.trim()));
		this.buttons = examples.map((word) => {
			const button = element("button.tool", {}, bar, this.texts[word]);
			on(button, "click", () => this.choose(word, true));
			return [button, word];
		});
	}
	addZoom() {
		const bar = element("p.live-bar.explorer-presets.map-zoom", {}, this.box);
		const add = (text, label, act) =>
			on(element("button.tool", { "aria-label": label }, bar, text), "click", act);
		add("+", t("Zoom in"), () => this.zoomBy(1.5));
		add(MINUS, t("Zoom out"), () => this.zoomBy(1 / 1.5));
		add(t("All words"), t("Show all words"), () => this.showAll());
	}
	showAll() {
		this.view = { x: 0, y: 0, zoom: 1 };
		this.draw();
	}
	search(text) {
		const lower = text.toLowerCase();
		const matches = [...this.texts.keys()].filter((i) => {
			return lower && this.texts[i].toLowerCase().includes(lower);
		});
		this.found = new Set(matches);
		const starts = matches.find((i) => this.texts[i].toLowerCase().startsWith(lower));
		const word =
			matches.find((i) => this.texts[i] === text) ??
			matches.find((i) => this.texts[i].toLowerCase() === lower) ??
			starts ??
			matches[0];
		if (word !== undefined) return this.choose(word, true, this.found);
		this.current = -1;
		this.lead.textContent = text
			? t("“{text}” is not one of these words.", { text })
			: t("Click a word.");
		this.draw();
	}
	nearest(word) {
		return this.neighbours.slice(word * this.each, (word + 1) * this.each);
	}
	choose(word, moves = false, found = new Set()) {
		this.current = word;
		this.found = found;
		if (moves) this.fit([word, ...this.nearest(word)]);
		for (const [button, example] of this.buttons) button.ariaPressed = example === word;
		this.describe();
		this.draw();
	}
	describe() {
		const { current, each, cosines } = this;
		this.lead.textContent = "";
		element("b", {}, this.lead, this.texts[current]);
		this.lead.append(` ${t("is most like")} `);
		this.nearest(current).forEach((word, i) => {
			const number = (cosines[current * each + i] / 100).toFixed(2).replace("-", MINUS);
			const cosine = t("cosine {number}", { number: decimal(number) });
			const button = element("button.tok", { title: cosine }, this.lead);
			button.textContent = this.texts[word];
			on(button, "click", () => this.choose(word, true));
			this.lead.append(" ");
		});
	}
	fit(words) {
		const xs = words.map((word) => this.places[2 * word]);
		const ys = words.map((word) => this.places[2 * word + 1]);
		const [left, right] = [Math.min(...xs), Math.max(...xs)];
		const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
		const size = Math.max(right - left, top - bottom, STEPS / 12);
		const zoom = clamp((2 * STEPS) / (1.6 * size), 1, MOST_ZOOM);
		this.view = { x: (left + right) / 2, y: (bottom + top) / 2, zoom };
	}
	get scale() {
		const { clientWidth: width, clientHeight: height } = this.canvas;
		return (Math.min(width, height) / (2.1 * STEPS)) * this.view.zoom;
	}
	pixelOf(word) {
		const { clientWidth: width, clientHeight: height } = this.canvas;
		return [
			width / 2 + (this.places[2 * word] - this.view.x) * this.scale,
			height / 2 - (this.places[2 * word + 1] - this.view.y) * this.scale,
		];
	}
	draw() {
		const { canvas } = this;
		const { clientWidth: width, clientHeight: height } = canvas;
		if (!width) return;
		const ratio = devicePixelRatio || 1;
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		const context = canvas.getContext("2d");
		context.scale(ratio, ratio);
		const style = getComputedStyle(canvas);
		this.paints = Object.fromEntries(
			["ink", "muted", "pale", "accent", "paper"].map((name) => [name, this.paint(style, name)]),
		);
		context.font = `13px ${style.fontFamily}`;
		context.textBaseline = "middle";
		this.drawWords(context, width, height);
	}
	paint(style, name) {
		const probe = (this.probe ??= element("i", { hidden: "" }, this.box));
		probe.style.color = `var(--fig-${name})`;
		return getComputedStyle(probe).color;
	}
	drawWords(context, width, height) {
		const { current, found, paints } = this;
		const near = current < 0 ? [] : this.nearest(current);
		this.drawLinks(context, near);
		const lit = new Set([current, ...near]);
		const taken = new Set();
		const first = [current, ...near, ...found].filter((word) => word >= 0);
		const seen = new Set(first);
		const order = [...first, ...[...this.texts.keys()].filter((word) => !seen.has(word))];
		for (const word of order) {
			const [x, y] = this.pixelOf(word);
			if (x < 0 || y < 0 || x > width || y > height) continue;
			const strong = lit.has(word) || found.has(word);
			context.fillStyle = strong ? paints.accent : paints.pale;
			context.beginPath();
			context.arc(x, y, word === current ? 5 : strong ? 3.5 : 1.8, 0, 2 * Math.PI);
			context.fill();
			const place = [x + 6, y, this.texts[word]];
			if (this.isFree(taken, place) || word === current) this.write(context, place, lit.has(word));
		}
	}
	drawLinks(context, near) {
		context.strokeStyle = this.paints.accent;
		context.globalAlpha = 0.6;
		for (const word of near) {
			context.beginPath();
			context.moveTo(...this.pixelOf(this.current));
			context.lineTo(...this.pixelOf(word));
			context.stroke();
		}
		context.globalAlpha = 1;
	}
	isFree(taken, [x, y, text]) {
		const cells = [];
		const row = Math.floor(y / LABEL.height);
		const last = Math.floor((x + text.length * LABEL.width) / 10);
		for (let column = Math.floor((x - 8) / 10); column <= last; column++) {
			cells.push(`${column} ${row}`, `${column} ${row + 1}`);
		}
		if (cells.some((cell) => taken.has(cell))) return false;
		for (const cell of cells) taken.add(cell);
		return true;
	}
	write(context, [x, y, text], strong) {
		context.lineWidth = 3;
		context.strokeStyle = this.paints.paper;
		context.fillStyle = strong ? this.paints.ink : this.paints.muted;
		context.strokeText(text, x, y);
		context.fillText(text, x, y);
		context.lineWidth = 1.2;
	}
	listen() {
		const { canvas } = this;
		on(canvas, "pointerdown", (event) => this.onDown(event));
		on(canvas, "pointermove", (event) => this.onMove(event));
		on(canvas, "pointerup pointercancel", (event) => this.onUp(event));
		on(canvas, "wheel", (event) => this.onWheel(event), { passive: false });
		on(canvas, "dblclick", (event) => this.zoomBy(2, event));
		on(canvas, "keydown", (event) => this.onKey(event));
	}
	onDown(event) {
		this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
		this.moved = 0;
		this.canvas.setPointerCapture(event.pointerId);
	}
	onMove(event) {
		const before = this.pointers.get(event.pointerId);
		if (!before) return this.hover(event);
		const points = [...this.pointers.values()];
		const earlier = points.length === 2 ? spread(points) : 0;
		const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
		this.moved += Math.abs(dx) + Math.abs(dy);
		this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
		if (earlier) return this.zoomBy(spread([...this.pointers.values()]) / earlier);
		this.view.x -= dx / this.scale;
		this.view.y += dy / this.scale;
		this.draw();
	}
	onUp(event) {
		this.pointers.delete(event.pointerId);
		if (event.type === "pointerup" && this.moved < 5) this.hover(event, true);
	}
	hover(event, clicked = false) {
		if (event.pointerType === "touch" && !clicked) return;
		const word = this.wordAt(event);
		this.canvas.style.cursor = word < 0 ? "grab" : "pointer";
		if (clicked && word >= 0) this.choose(word);
		else this.canvas.title = word < 0 ? "" : this.texts[word];
	}
	wordAt({ offsetX, offsetY }) {
		let best = -1;
		let reach = REACH;
		for (let word = 0; word < this.texts.length; word++) {
			const [x, y] = this.pixelOf(word);
			const distance = Math.hypot(x - offsetX, y - offsetY);
			if (distance < reach) [best, reach] = [word, distance];
		}
		return best;
	}
	onWheel(event) {
		if (!event.ctrlKey && !event.metaKey) return;
		event.preventDefault();
		this.zoomBy(Math.exp(-event.deltaY / 200), event);
	}
	zoomBy(factor, { offsetX, offsetY } = {}) {
		const { clientWidth: width, clientHeight: height } = this.canvas;
		const [dx, dy] = offsetX === undefined ? [0, 0] : [offsetX - width / 2, offsetY - height / 2];
		const before = this.scale;
		this.view.zoom = clamp(this.view.zoom * factor, 1, MOST_ZOOM);
		this.view.x += dx / before - dx / this.scale;
		this.view.y -= dy / before - dy / this.scale;
		this.draw();
	}
	onKey(event) {
		if (event.altKey || event.ctrlKey || event.metaKey) return;
		if (event.key in ZOOMS) this.zoomBy(ZOOMS[event.key]);
		else if (event.key === "0") this.showAll();
		else if (event.key in MOVES && !hasModifier(event)) {
			const [x, y] = MOVES[event.key].map((step) => (40 * step) / this.scale);
			this.view.x -= x;
			this.view.y += y;
			this.draw();
		} else return;
		event.preventDefault();
	}
}
function makeView(figure, data) {
	const name = figure.querySelector(".figure-number").textContent.replace(/\.$/, "");
	return new WordMap(data, name).box;
}
startViewers("map", t("Open the map"), makeView);
});
define("scripts/contents.js", () => {
const { on } = modules["scripts/common.js"];
const root = document.documentElement;
const opener = document.getElementById("open-contents");
const panel = document.getElementById("contents");
const main = document.getElementById("main");
const isOpen = () => root.classList.contains("contents-open");
function show(open) {
	root.classList.toggle("contents-open", open);
	opener.ariaExpanded = open;
	main.inert = open;
	if (open) panel.querySelector(".chapters a").focus();
}
opener.role = "button"; // without this script it is a link
opener.ariaExpanded = false;
on(opener, "click", (event) => {
	event.preventDefault();
	show(!isOpen());
});
on(opener, "keydown", (event) => {
	if (event.key !== " ") return;
	event.preventDefault();
	opener.click();
});
on(panel, "click", (event) => {
	const link = event.target.closest("a");
	if (!link || !isOpen()) return;
	show(false);
	if (!link.classList.contains("close-contents")) return;
	event.preventDefault();
	opener.focus();
});
on(document, "keydown", (event) => {
	if (event.key !== "Escape" || !isOpen()) return;
	show(false);
	opener.focus();
});
on(matchMedia("(min-width: 72rem)"), "change", () => show(false));
});
define("scripts/sections.js", () => {
const { on } = modules["scripts/common.js"];
const LINE = 0.3; // of the window's height: the last heading above it has the section
const links = [...document.querySelectorAll(".sections a")];
const headings = links.map((link) => document.getElementById(link.hash.slice(1)));
const panel = document.getElementById("contents");
let scheduled = false;
let current;
function mark() {
	scheduled = false;
	const line = LINE * innerHeight;
	const passed = headings.filter((heading) => heading?.getBoundingClientRect().top < line);
	const next = links[headings.indexOf(passed.at(-1))];
	if (next === current) return;
	current?.removeAttribute("aria-current");
	next?.setAttribute("aria-current", "true");
	current = next;
	const below = next && next.getBoundingClientRect().bottom - panel.getBoundingClientRect().bottom;
	if (below > 0) panel.scrollTop += below + 40;
	const above = next && next.getBoundingClientRect().top - panel.getBoundingClientRect().top;
	if (above < 0) panel.scrollTop += above - 40;
}
function schedule() {
	if (scheduled) return;
	scheduled = true;
	requestAnimationFrame(mark);
}
if (links.length) {
	on(window, "scroll resize", schedule, { passive: true });
	mark();
}
});
define("scripts/scroll.js", () => {
const { on } = modules["scripts/common.js"];
const PAUSE = 150; // milliseconds without resizing
function update(box) {
	const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
	box.classList.toggle("scrolls", box.scrollWidth > box.clientWidth + 1);
	box.dataset.label = box.getAttribute("aria-label") ?? box.dataset.label;
	box.dataset.role = box.getAttribute("role") ?? box.dataset.role;
	if (scrolls) {
		box.role = box.dataset.role;
		box.ariaLabel = box.dataset.label;
		box.tabIndex = 0;
	} else {
		for (const name of ["role", "aria-label", "tabindex"]) box.removeAttribute(name);
	}
}
function updateAll() {
	document.querySelectorAll(".scroll[aria-label], .scroll[data-label]").forEach(update);
}
let timer;
updateAll();
on(window, "resize", () => {
	clearTimeout(timer);
	timer = setTimeout(updateAll, PAUSE);
});
on(document, "toggle", updateAll, true);
});
define("scripts/keys.js", () => {
const { hasModifier, on } = modules["scripts/common.js"];
const ELSEWHERE = "input, textarea, select, [contenteditable], dialog, .frames, .scroll[tabindex]";
const LINKS = { ArrowLeft: "a.previous", ArrowRight: "a.next" };
on(document, "keydown", (event) => {
	const selector = LINKS[event.key];
	if (!selector || event.defaultPrevented || hasModifier(event)) return;
	if (event.target.closest(ELSEWHERE)) return;
	const link = document.querySelector(selector);
	if (link) location.href = window.layerbook.withTheme(link.getAttribute("href"));
});
});
define("scripts/search.js", () => {
const { plural, t } = modules["scripts/messages.js"];
const { element, loadScript, on } = modules["scripts/common.js"];
const MOST_RESULTS = 20;
const CONTEXT = 70; // characters of text around the first match
const TITLE_SCORE = 10; // as many mentions does a word in the title count for
const MOST_MENTIONS = 5;
let dialog, input, list, status;
const splitWords = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
function scoreOf([, chapter, section, text], words) {
	const title = `${chapter} ${section}`.toLowerCase();
	const body = text.toLowerCase();
	let total = 0;
	for (const word of words) {
		const mentions = body.split(word).length - 1;
		const titled = title.includes(word);
		if (!mentions && !titled) return 0;
		total += (titled ? TITLE_SCORE : 0) + Math.min(mentions, MOST_MENTIONS);
	}
	return total;
}
function search(index, words) {
	return index
		.map((row) => ({ row, score: scoreOf(row, words) }))
		.filter(({ score }) => score > 0)
		.sort((a, b) => b.score - a.score)
		.map(({ row }) => row);
}
function findMatches(text, words) {
	const lower = text.toLowerCase();
	const matches = [];
	for (const word of words) {
		for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + word.length)) {
			matches.push([at, at + word.length]);
		}
	}
	matches.sort(([a, aEnd], [b, bEnd]) => a - b || bEnd - aEnd);
	let end = 0;
	return matches.filter(([from, to]) => {
		const apart = from >= end;
		if (apart) end = to;
		return apart;
	});
}
function chooseSnippet(text, matches) {
	let best = matches[0] ?? [0, 0];
	let most = 0;
	let next = 0; // the first match beyond the piece
	matches.forEach((match, i) => {
		while (next < matches.length && matches[next][0] < match[0] + 2 * CONTEXT) next++;
		if (next - i > most) [best, most] = [match, next - i];
	});
	const begin = Math.max(0, best[0] - CONTEXT);
	const from = begin && text.indexOf(" ", begin) + 1;
	const cut = text.lastIndexOf(" ", from + 3 * CONTEXT);
	const fits = text.length <= from + 3 * CONTEXT;
	return [Math.min(from, best[0]), fits ? text.length : Math.max(cut, best[1])];
}
function addSnippet(parent, text, words) {
	const matches = findMatches(text, words);
	const [from, to] = chooseSnippet(text, matches);
	if (from) parent.append("… ");
	let at = from;
	for (const [start, end] of matches.filter((match) => match[0] >= from && match[1] <= to)) {
		parent.append(text.slice(at, start));
		element("mark", {}, parent, text.slice(start, end));
		at = end;
	}
	parent.append(text.slice(at, to) + (to < text.length ? " …" : ""));
}
function createDialog() {
	dialog = element("dialog.search", { "aria-label": t("Search the book") }, document.body);
	const form = element("form", {}, dialog);
	input = element("input", { type: "text", "aria-label": t("Search for") }, form);
	const close = element("button.tool", {}, form, t("Close"));
	status = element("p.search-status", { role: "status" }, dialog);
	list = element("ol", {}, dialog);
	on(input, "input", showResults);
	on(form, "submit", (event) => {
		event.preventDefault();
		list.querySelector("a")?.click();
	});
	on(close, "click", () => dialog.close());
	on(list, "click", () => dialog.close());
}
function open() {
	if (!dialog) createDialog();
	if (!window.layerbookIndex) loadScript("assets/search-index.js").then(showResults, reportMissing);
	dialog.showModal();
	input.select();
}
function reportMissing() {
	status.textContent = t("The search index is missing.");
}
function showResults() {
	const words = splitWords(input.value);
	list.textContent = "";
	status.textContent = "";
	if (!window.layerbookIndex || !words.length) return;
	const rows = search(window.layerbookIndex, words);
	const sections = plural(rows.length, "{count} section", "{count} sections");
	status.textContent = rows.length ? sections : t("Nothing found.");
	for (const row of rows.slice(0, MOST_RESULTS)) addResult(row, words);
}
function addResult([href, chapter, section, text], words) {
	const item = element("li", {}, list);
	const link = element("a", { href: window.layerbook.withTheme(href) }, item);
	element("b", {}, link, section ? `${chapter} · ${section}` : chapter);
	addSnippet(element("small", {}, link), text, words);
}
const button = document.getElementById("open-search");
if (button && typeof HTMLDialogElement === "function") {
	button.hidden = false;
	on(button, "click", open);
	on(document, "keydown", (event) => {
		if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
		event.preventDefault();
		open();
	});
}
});
define("book.js", () => {
const { element, on, percent } = modules["scripts/common.js"];
const { decodeFloats, startViewers } = modules["scripts/viewer.js"];
Object.assign(window.layerbook, {
	element,
	on,
	percent,
	numbers: decodeFloats,
	opening: startViewers,
});
});
})();
