// The color theme: automatic, light or dark. Runs in <head>, before the body exists, so that no
// page flashes in the wrong colors.

import { t } from "./scripts/messages.js";
import { readStorage, writeStorage } from "./scripts/storage.js";

const LABELS = { auto: t("Auto"), light: t("Light"), dark: t("Dark") };
const THEMES = Object.keys(LABELS);
const STORAGE_KEY = "layerbook-theme";

const asTheme = (name) => (THEMES.includes(name) ? name : null);

// Browsers may give each page on disk a storage of its own, so the choice also travels in links.
const inAddress = asTheme(new URLSearchParams(location.search).get("theme"));
let theme = inAddress ?? asTheme(readStorage(STORAGE_KEY));

function applyTheme() {
	const { dataset } = document.documentElement;
	if (theme === "light" || theme === "dark") dataset.theme = theme;
	else delete dataset.theme;
}

// The link with ?theme=… where it leads to another page on disk.
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
