// Explores the attention patterns of every layer and head behind a figure's picture.

import { t } from "./messages.js";
import { AttentionExplorer } from "./explorer.js";
import { Patterns } from "./patterns.js";
import { startViewers } from "./viewer.js";

function makeView(figure, data) {
	const name = figure.querySelector(".figure-number").textContent.replace(/\.$/, "");
	return new AttentionExplorer(
		t("{figure}, every layer and head", { figure: name }),
		data,
		new Patterns(data),
	).box;
}

startViewers("patterns", t("Explore every layer and head"), makeView);
