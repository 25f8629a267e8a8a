// Search. The index is a script of its own, loaded when the box is first opened.

import { plural, t } from "./messages.js";
import { element, loadScript, on } from "./common.js";

const MAX_RESULTS = 20;
const CONTEXT = 70; // characters of text around the first match
const TITLE_SCORE = 10; // as many mentions does a word in the title count for
const MAX_MENTIONS = 5;

let dialog, input, list, status;

const splitWords = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

// The score of a section; 0 unless every word occurs in it.
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

// The sections that have all words, best first, of equal ones the earlier.
function search(index, words) {
	return index
		.map((row) => ({ row, score: scoreOf(row, words) }))
		.filter(({ score }) => score > 0)
		.sort((a, b) => b.score - a.score)
		.map(({ row }) => row);
}

// The places of the words in a text: pairs of start and end, in order, without overlaps.
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

// The piece of text with most matches, from one gap between words to another.
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
	// Type text: a search field would keep the first Escape to itself.
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
