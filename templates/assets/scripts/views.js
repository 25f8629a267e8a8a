// The book's own views behind a button. Their scripts are loaded when a reader opens the first one.

import { loadScript } from "./common.js";
import { t } from "./messages.js";
import { startViewers } from "./viewer.js";

const SCRIPT = "assets/views.js";

// The views by kind, and with them the modules that a reader's own text needs too.
export async function loadViews() {
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
