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
const SVG = "http://www.w3.org/2000/svg";
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
function svgElement(name, attributes = {}, parent) {
	const node = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
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
	const centered = place.left + (place.width - tip.offsetWidth) / 2;
	const fitsAbove = place.top >= tip.offsetHeight + MARGIN;
	tip.style.left = `${clamp(centered, MARGIN, room)}px`;
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
const figureName = (figure) =>
	figure.querySelector(".figure-number").textContent.replace(/\.$/, "");
function percent(share, exact = share === 0 || share === 1) {
	let text = exact ? String(100 * share) : (100 * share).toFixed(2);
	if (text === "0.00") text = `<${NARROW_SPACE}0.01`;
	if (text === "100.00") text = `>${NARROW_SPACE}99.99`;
	return `${decimal(text)}${NARROW_SPACE}%`;
}
return { element, svgElement, on, hasModifier, clamp, placeBeside, targetOfKey, loadScript, figureName, percent };
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
let current = null; // the link whose preview is shown
let timer;
let touched = false; // true if the last pointer was a finger
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
function schedule(action, pause) {
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
	if (link) schedule(() => show(link), OPENS_AFTER);
	else if (box.contains(event.target)) clearTimeout(timer);
	else schedule(hide, CLOSES_AFTER);
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
const { hasModifier, on, svgElement } = modules["scripts/common.js"];
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
	const [x, y, width, height] = box;
	return svgElement("rect", { class: "fig-ring", x, y, width, height }, svg);
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
	const result = box.querySelector(".prediction-result");
	const isRight = ({ value }) => box.dataset.right.split(" ").includes(value);
	const answer = choices
		.filter(isRight)
		.map(textOf)
		.join(` ${t("or")} `);
	const key = `layerbook-prediction ${box.querySelector("legend").textContent}`;
	function judge(choice) {
		if (isRight(choice)) return t("Right. On this model, that is the answer.");
		return t("A fair guess. On this model the answer is: {answer}.", { answer });
	}
	function show(choice) {
		const cameTrue = choice !== undefined && isRight(choice);
		const statement = choice ? t("You said: {choice}.", { choice: textOf(choice) }) : "";
		result.textContent = statement && answer ? `${statement} ${judge(choice)}` : statement;
		result.classList.toggle("came-true", cameTrue);
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
const { element, on, svgElement } = modules["scripts/common.js"];
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
		const group = svgElement("g");
		group.append(...link.childNodes);
		link.replaceWith(group);
	}
	const style = svgElement("style");
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
	const model = { ...data.settings.model, vocab: idOf, merges };
	const { token, tokenize } = openTokenizer({ ...data.settings, model });
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
const MAX_CHARACTERS = 20000;
const MAX_CHIPS = 1500;
const MAX_PRINTED = 400; // on paper, where the field cannot be
const SLOW = 2000; // from this many characters on, it waits for a pause in the typing
const PAUSE = 250; // milliseconds
const MERGE = `▶ ${t("Merge step by step")}`;
const MERGING = 9000; // milliseconds that all merges of a text take at most, unless there are many
const SHORTEST_PAUSE = 120; // milliseconds between two merges
const MAX_MERGED = 300; // characters, of a text whose merges can be stepped through
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
			const [left, right, whole] = merge;
			for (const part of [left, " + ", right, " → ", whole]) {
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
		const read = typed.slice(0, MAX_CHARACTERS);
		const tokens = this.tokenize(read.join(""));
		this.stopMerging();
		this.stages = read.length > MAX_MERGED ? [] : this.stagesOf(tokens);
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
		const chips = tokens.slice(0, MAX_CHIPS).map((token, i) => this.createChip(token, i));
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
		const start = typed.slice(0, MAX_PRINTED).join("");
		const text = start + (typed.length > MAX_PRINTED ? " …" : "");
		this.printed.textContent = "";
		writeShown(this.printed, { text, shown: showText(text) });
	}
	showCounts(typed, read) {
		const characters = plural(typed, "{count} character", "{count} characters");
		const tokens = plural(this.tokens.length, "{count} token", "{count} tokens");
		const first = t("The first {read} of {characters}:", { read: grouped(read), characters });
		const start = read < typed ? first : `${characters},`;
		const drawn = t("; the first {count} are drawn", { count: grouped(MAX_CHIPS) });
		this.status.textContent = `${start} ${tokens}${this.tokens.length > MAX_CHIPS ? drawn : ""}.`;
	}
}
document.querySelectorAll(".live").forEach((box, number) => new LiveText(box, number));
});
define("scripts/points.js", () => {
const { t } = modules["scripts/messages.js"];
const { element, hasModifier, on } = modules["scripts/common.js"];
const REACH = 24; // pixels: a dot that is farther from the pointer is not meant
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
	let loading = false;
	function show(open) {
		figure.classList.toggle("exploring", open);
		button.ariaExpanded = open;
		button.textContent = open ? t("Back to the picture") : label;
	}
	async function load() {
		await loadScript(href);
		const data = window.layerbookData?.[href];
		if (!data) throw new Error(href);
		return makeView(figure, data);
	}
	on(button, "click", async () => {
		if (view) return show(!figure.classList.contains("exploring"));
		if (loading) return;
		loading = true;
		try {
			view = figure.insertBefore(await load(), picture);
			show(true);
		} catch {
			button.textContent = t("Its data is missing: {file}", { file: href });
		}
		loading = false;
	});
	show(false);
	figure.insertBefore(paragraph, picture);
}
return { decodeFloats, startViewers };
});
define("scripts/views.js", () => {
const { loadScript } = modules["scripts/common.js"];
const { t } = modules["scripts/messages.js"];
const { startViewers } = modules["scripts/viewer.js"];
const SCRIPT = "assets/views.js";
async function loadViews() {
	if (!window.layerbook.views) await loadScript(SCRIPT);
	return window.layerbook.views;
}
async function makeView(figure, data) {
	const views = await loadViews();
	return views[figure.dataset.opens](figure, data);
}
startViewers("patterns", t("Explore every layer and head"), makeView);
startViewers("scores", t("Turn the knobs yourself"), makeView);
startViewers("map", t("Open the map"), makeView);
return { loadViews };
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
function drawRank({ probs, left }) {
	let remaining = Math.random() - probs[0];
	let rank = 0;
	while (remaining >= 0 && rank < left - 1) remaining -= probs[++rank];
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
return { sum, drawRank, Scores };
});
define("scripts/widget.js", () => {
const { figureName } = modules["scripts/common.js"];
function startWidgets(kind, makeView) {
	for (const figure of document.querySelectorAll(`.figure[data-widget='${kind}']`)) {
		const view = makeView(JSON.parse(figure.dataset.values), figureName(figure));
		figure.insertBefore(view, figure.querySelector(":scope > .picture, :scope > .frames"));
		figure.classList.add("exploring");
	}
}
return { startWidgets };
});
define("scripts/writing.js", () => {
const { element, hasModifier, on, percent, targetOfKey } = modules["scripts/common.js"];
const { decimal, grouped, t } = modules["scripts/messages.js"];
const { drawRank, Scores } = modules["scripts/sampling.js"];
const { startWidgets } = modules["scripts/widget.js"];
const MODEL_ITSELF = { temperature: 1, topP: 1 }; // and all of the listed tokens
const rounded = (share) => (share < 0.01 ? percent(share) : `${Math.round(100 * share)}\u202f%`);
class Writing {
	written = []; // the chosen tokens: { rank, share, prob, text: the number of the text it followed }
	shown = 0; // the step whose wheel is shown
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
		add(t("Spin the wheel"), () => this.take(this.spin()));
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
	spin() {
		return drawRank(this.wheel(this.textBefore(this.shown)));
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
const { loadViews } = modules["scripts/views.js"];
const SCRIPT = "assets/own_text.js";
async function open(box) {
	try {
		await loadViews();
		if (!window.layerbook.openOwnText) await loadScript(SCRIPT);
		window.layerbook.openOwnText(box);
	} catch (error) {
		const status = box.querySelector(".own-load .try-status");
		status.textContent = t("A file is missing: {name}", { name: error.message });
	}
}
for (const box of document.querySelectorAll(".own-text")) {
	on(box.querySelector(".own-load button"), "click", () => open(box), { once: true });
	box.hidden = false;
}
});
define("scripts/clock.js", () => {
const { svgElement } = modules["scripts/common.js"];
const RADIUS = 44;
const ARC_RADIUS = 18;
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
return { nearAngle, ClockFace };
});
define("scripts/waves.js", () => {
const { ClockFace } = modules["scripts/clock.js"];
const { clamp, element, on, svgElement } = modules["scripts/common.js"];
const { decimal, grouped, t } = modules["scripts/messages.js"];
const { startWidgets } = modules["scripts/widget.js"];
const CLOCKS = 5;
const SLIDER_STEPS = 400;
const FINE = 4; // points of a wave between two positions
const FIRST_POSITION = 6;
const RUN = `▶ ${t("Let them run")}`;
const MILLISECONDS_PER_STEP = 160;
const countText = (number) =>
	number < 100 ? decimal(number.toFixed(1)) : grouped(Math.round(number));
const rounded = (C) => Number(C.toPrecision(C < 100 ? 2 : 1));
class Waves {
	timer = null;
	constructor({ d_model, last, C }, label) {
		Object.assign(this, { d_model, last });
		this.largest = Math.max(10, ...C);
		this.state = { C: C[0], position: Math.min(FIRST_POSITION, last) };
		this.box = element("div.explorer.waves", {
			role: "group",
			"aria-label": t("{figure}: clocks", { figure: label }),
		});
		this.addPresets(C);
		const sliders = element("div.explorer-bar", {}, this.box);
		this.knob = this.addSlider(sliders, "C", SLIDER_STEPS, (value) => {
			this.update({ C: rounded(this.largest ** (value / SLIDER_STEPS)) });
		});
		this.slider = this.addSlider(sliders, t("Position"), last, (position) => {
			this.pause();
			this.update({ position });
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
			const box = { viewBox: `0 -1.25 ${this.last} 2.5`, preserveAspectRatio: "none" };
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
		const position = Math.round(((event.clientX - left) / width) * this.last);
		this.pause();
		this.update({ position: clamp(position, 0, this.last) });
	}
	speed(pair) {
		return this.state.C ** ((-2 * pair) / this.d_model);
	}
	update(changes) {
		Object.assign(this.state, changes);
		const { C, position } = this.state;
		this.knob.input.value = Math.round((SLIDER_STEPS * Math.log(C)) / Math.log(this.largest));
		this.knob.output.textContent = grouped(C);
		this.knob.input.ariaValueText = `${grouped(C)}. ${this.describe()}`;
		this.slider.input.value = position;
		this.slider.output.textContent = position;
		for (const [button, preset] of this.presets) button.ariaPressed = preset === C;
		for (const row of this.rows) this.showRow(row);
		const turns = this.rows.map((row) => decimal(this.turns(row.pair).toFixed(2)));
		const description = t("{position}: the clocks have made {turns} turns", {
			position,
			turns: turns.join("; "),
		});
		this.slider.input.ariaValueText = description;
		this.lead.textContent = this.describe();
	}
	turns(pair) {
		return (this.state.position * this.speed(pair)) / (2 * Math.PI);
	}
	showRow({ pair, face, wave, cursor, dot, note }) {
		const speed = this.speed(pair);
		const angle = this.state.position * speed;
		face.show([[angle, 0.92]]);
		const points = Array.from({ length: this.last * FINE + 1 }, (_, i) => {
			const position = i / FINE;
			return `${position} ${(-Math.sin(position * speed)).toFixed(4)}`;
		});
		wave.setAttribute("d", `M${points.join("L")}`);
		const left = `${(100 * this.state.position) / this.last}%`;
		cursor.style.left = dot.style.left = left;
		dot.style.top = `${50 - 40 * Math.sin(angle)}%`;
		const around = countText((2 * Math.PI) / speed);
		note.textContent = t("once around in {count} positions", { count: around });
	}
	describe() {
		if (this.state.C === 1) return t("All clocks show the same time.");
		const [fast, slow] = [this.rows[0], this.rows.at(-1)].map(({ pair }) =>
			countText((2 * Math.PI) / this.speed(pair)),
		);
		const message =
			"The fastest clock comes around every {fast} positions, the slowest every {slow}.";
		return t(message, { fast, slow });
	}
	togglePlaying() {
		if (this.timer !== null) return this.pause();
		this.play.textContent = `❚❚ ${t("Stop")}`;
		this.timer = setInterval(() => {
			this.update({ position: (this.state.position + 1) % (this.last + 1) });
		}, MILLISECONDS_PER_STEP);
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
const { ClockFace, nearAngle } = modules["scripts/clock.js"];
const { clamp, element, hasModifier, on, svgElement, targetOfKey } = modules["scripts/common.js"];
const { decimal, mark, plural, t } = modules["scripts/messages.js"];
const { startWidgets } = modules["scripts/widget.js"];
const MINUS = "\u2212";
const ROLES = ["query", "key"];
const LABELS = [mark("Position of {token}, the query"), mark("Position of {token}, the key")];
const ASKER = 0;
const signed = (number) => decimal(number.toFixed(1).replace("-", MINUS));
const arrowOf = ([up, right]) => [Math.atan2(right, up), Math.hypot(up, right)];
class Turns {
	constructor({ names, query, key, speed, divisor, last, start }, label) {
		Object.assign(this, { names, speed, divisor, last, positions: start.slice() });
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
		const add = (name, positions) => {
			on(element("button.tool", {}, bar, name), "click", () => this.update(positions(), true));
		};
		add(t("Side by side"), () => this.start.slice());
		add(t("Far apart"), () => [this.last, 0]);
		add(`‹ ${t("Move both")}`, () => this.shifted(-1));
		add(`${t("Move both")} ›`, () => this.shifted(1));
	}
	shifted(by) {
		const fits = this.positions.every(
			(position) => position + by >= 0 && position + by <= this.last,
		);
		return this.positions.map((position) => position + (fits ? by : 0));
	}
	addTrack() {
		this.track = element("div.turns-track", {}, this.box);
		for (let position = 0; position <= this.last; position++) {
			const tick = element("span.turns-position", {}, this.track, position % 4 ? "" : position);
			tick.style.left = this.percentOf(position);
		}
		this.tokens = this.names.map((name, i) => {
			const attributes = { role: "slider", tabindex: 0, "aria-valuemin": 0 };
			const token = element(`span.tok.turns-token.${ROLES[i]}`, attributes, this.track, name);
			token.ariaLabel = t(LABELS[i], { token: name });
			token.ariaValueMax = this.last;
			on(token, "keydown", (event) => this.onKey(event, i));
			on(token, "pointerdown", (event) => token.setPointerCapture(event.pointerId));
			on(token, "pointermove", (event) => {
				if (token.hasPointerCapture(event.pointerId)) this.drag(event, i);
			});
			return token;
		});
	}
	percentOf(position) {
		return `${(100 * position) / this.last}%`;
	}
	drag({ clientX }, i) {
		const { left, width } = this.track.getBoundingClientRect();
		this.move(i, Math.round(((clientX - left) / width) * this.last));
	}
	onKey(event, i) {
		if (hasModifier(event)) return;
		const position = targetOfKey(event, this.positions[i], this.last, 1);
		if (position === undefined) return;
		this.move(i, position);
		event.preventDefault();
	}
	move(i, position) {
		const positions = this.positions.slice();
		const [from, to] = i === ASKER ? [positions[1], this.last] : [0, positions[0]];
		positions[i] = clamp(position, from, to);
		this.update(positions);
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
		const heights = Array.from({ length: this.last + 1 }, (_, d) => this.product(d));
		this.most = Math.max(...heights.map(Math.abs)) * 1.15 || 1;
		const plot = element("div.turns-plot", {}, this.box);
		const box = { viewBox: "0 -1 1 2", preserveAspectRatio: "none", "aria-hidden": "true" };
		const svg = svgElement("svg", box, plot);
		svgElement("path", { d: "M0 0H1", class: "turns-zero" }, svg);
		const fine = 8;
		const points = Array.from({ length: this.last * fine + 1 }, (_, i) => {
			const height = -this.product(i / fine) / this.most;
			return `${(i / fine / this.last).toFixed(4)} ${height.toFixed(4)}`;
		});
		svgElement("path", { d: `M${points.join("L")}`, class: "turns-curve" }, svg);
		this.dot = element("i.waves-dot", {}, plot);
		const words = element("p.turns-axis", {}, this.box);
		element("span", {}, words, t("same position"));
		element("span", {}, words, t("what this clock adds to the score, by distance"));
		element("span", {}, words, t("{count} apart", { count: this.last }));
	}
	angle(distance) {
		const [[query], [key]] = this.arrows;
		return query - key + distance * this.speed;
	}
	product(distance) {
		const [[, query], [, key]] = this.arrows;
		return (query * key * Math.cos(this.angle(distance))) / this.divisor;
	}
	update(positions = this.positions, speaks = false) {
		this.positions = positions;
		const turned = this.arrows.map(([angle, length], i) => [
			angle + positions[i] * this.speed,
			length / this.longest,
		]);
		const distance = positions[0] - positions[1];
		const degrees = Math.abs((nearAngle(this.angle(distance)) * 180) / Math.PI).toFixed(0);
		const adds = signed(this.product(distance));
		const lead = plural(
			distance,
			"One position apart: the angle is {degrees}°, and this clock adds {adds} to the score.",
			"{count} positions apart: the angle is {degrees}°, and this clock adds {adds} to the score.",
			{ degrees, adds },
		);
		this.tokens.forEach((token, i) => {
			token.style.left = this.percentOf(positions[i]);
			token.ariaValueNow = positions[i];
			token.ariaValueText = `${positions[i]}. ${lead}`;
			this.faces[i].face.show([turned[i]]);
			this.faces[i].note.textContent = t("{token} at position {position}", {
				token: this.names[i],
				position: positions[i],
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
const MAX_RESULTS = 20;
const CONTEXT = 70; // characters of text around the first match
const TITLE_SCORE = 10; // as many mentions does a word in the title count for
const MAX_MENTIONS = 5;
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
		total += (titled ? TITLE_SCORE : 0) + Math.min(mentions, MAX_MENTIONS);
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
	for (const row of rows.slice(0, MAX_RESULTS)) addResult(row, words);
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
});
})();
