// A button that copies the code of a cell or a listing. Without this script readers select it.

import { t } from "./messages.js";
import { on } from "./common.js";

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
