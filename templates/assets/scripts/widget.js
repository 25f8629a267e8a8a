// Figures with little data: on screens a view to play with takes the picture's place at once.

// `makeView(data, label)` returns what is shown.
export function startWidgets(kind, makeView) {
	for (const figure of document.querySelectorAll(`.figure[data-widget='${kind}']`)) {
		const name = figure.querySelector(".figure-number").textContent.replace(/\.$/, "");
		const view = makeView(JSON.parse(figure.dataset.values), name);
		figure.insertBefore(view, figure.querySelector(":scope > .picture, :scope > .frames"));
		figure.classList.add("exploring");
	}
}
