// Explores the attention patterns of every layer and head behind a figure's picture.

import { figureName } from "./common.js";
import { AttentionExplorer } from "./explorer.js";
import { t } from "./messages.js";
import { Patterns } from "./patterns.js";

export function exploreAttention(figure, data) {
	const label = t("{figure}, every layer and head", { figure: figureName(figure) });
	return new AttentionExplorer(label, data, new Patterns(data)).box;
}
