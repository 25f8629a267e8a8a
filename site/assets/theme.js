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
define("theme.js", () => {
const { t } = modules["scripts/messages.js"];
const { readStorage, writeStorage } = modules["scripts/storage.js"];
const LABELS = { auto: t("Auto"), light: t("Light"), dark: t("Dark") };
const THEMES = Object.keys(LABELS);
const STORAGE_KEY = "layerbook-theme";
const asTheme = (name) => (THEMES.includes(name) ? name : null);
const inAddress = asTheme(new URLSearchParams(location.search).get("theme"));
let theme = inAddress ?? asTheme(readStorage(STORAGE_KEY));
function applyTheme() {
	const { dataset } = document.documentElement;
	if (theme === "light" || theme === "dark") dataset.theme = theme;
	else delete dataset.theme;
}
function withTheme(href) {
	if (location.protocol !== "file:" || theme === null) return href;
	return href.replace(/^[^:?#]*\.html(?=#|$)/, `$&?theme=${theme}`);
}
function addToLink(event) {
	const link = event.target.closest?.("a[href]");
	link?.setAttribute("href", withTheme(link.getAttribute("href")));
}
function start() {
	const button = document.getElementById("theme");
	const label = button.lastElementChild;
	button.hidden = false;
	label.textContent = LABELS[theme ?? "auto"];
	button.addEventListener("click", () => {
		theme = THEMES[(THEMES.indexOf(theme ?? "auto") + 1) % THEMES.length];
		writeStorage(STORAGE_KEY, theme);
		applyTheme();
		label.textContent = LABELS[theme];
	});
	document.addEventListener("click", addToLink, true);
}
applyTheme();
window.layerbook = { withTheme };
document.addEventListener("DOMContentLoaded", start);
});
})();
