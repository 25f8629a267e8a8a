// Search. The index is a script of its own, loaded when the box is first opened.

import { element, loadScript, on } from "./common.js";

const MOST_RESULTS = 20;
const CONTEXT = 70; // characters of text around the first match
const TITLE_SCORE = 10; // as many mentions does a word in the title count for
const MOST_MENTIONS = 5;

let dialog, input, list, status;

const splitWords = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

// How well a section answers; 0 unless every word occurs in it.
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

// The sections that have all words, best first, of equal ones the earlier.
function search(index, words) {
	return index
		.map((row) => ({ row, score: scoreOf(row, words) }))
		.filter(({ score }) => score > 0)
		.sort((a, b) => b.score - a.score)
		.map(({ row }) => row);
}

function addSnippet(parent, text, words) {
	const lower = text.toLowerCase();
	const word = words.find((candidate) => lower.includes(candidate));
	if (word === undefined) {
		parent.append(text.slice(0, 2 * CONTEXT), text.length > 2 * CONTEXT ? " …" : "");
		return;
	}
	const start = lower.indexOf(word);
	const from = Math.max(0, start - CONTEXT);
	const to = start + word.length + CONTEXT;
	parent.append((from ? "… " : "") + text.slice(from, start));
	element("mark", {}, parent, text.slice(start, start + word.length));
	parent.append(text.slice(start + word.length, to) + (to < text.length ? " …" : ""));
}

function createDialog() {
	dialog = element("dialog.search", { "aria-label": "Search the book" }, document.body);
	const form = element("form", {}, dialog);
	// Type text: a search field would keep the first Escape to itself.
	input = element("input", { type: "text", "aria-label": "Search for" }, form);
	const close = element("button.tool", {}, form, "Close");
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
	status.textContent = "The search index is missing.";
}

function showResults() {
	const words = splitWords(input.value);
	list.textContent = "";
	status.textContent = "";
	if (!window.layerbookIndex || !words.length) return;
	const rows = search(window.layerbookIndex, words);
	const sections = `${rows.length} ${rows.length === 1 ? "section" : "sections"}`;
	status.textContent = rows.length ? sections : "Nothing found.";
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
