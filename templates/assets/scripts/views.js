// The book's own views behind a button. Their scripts are loaded when a reader opens the first one.

import { loadScript } from "./common.js";
import { t } from "./messages.js";
import { startViewers } from "./viewer.js";

const SCRIPT = "assets/views.js";

async function makeView(figure, data) {
	if (!window.layerbook.views) await loadScript(SCRIPT);
	return window.layerbook.views[figure.dataset.opens](figure, data);
}

startViewers("patterns", t("Explore every layer and head"), makeView);
startViewers("scores", t("Turn the knobs yourself"), makeView);
startViewers("map", t("Open the map"), makeView);
