// Boxes for a text of the reader's own; the script that runs the model is loaded when asked for.

import { loadScript, on } from "./common.js";
import { t } from "./messages.js";
import { loadViews } from "./views.js";

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
