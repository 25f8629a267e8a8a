// Figures with little data: on screens a view to play with takes the picture's place at once.

import { figureName } from "./common.js";

// `makeView(data, label)` returns what is shown.
export function startWidgets(kind, makeView) {
	for (const figure of document.querySelectorAll(`.figure[data-widget='${kind}']`)) {
		const view = makeView(JSON.parse(figure.dataset.values), figureName(figure));
		figure.insertBefore(view, figure.querySelector(":scope > .picture, :scope > .frames"));
		figure.classList.add("exploring");
	}
}
