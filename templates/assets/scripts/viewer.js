// Figures with more to see than their picture: a button opens a view of data that is loaded then.

import { t } from "./messages.js";
import { element, loadScript, on } from "./common.js";

// Float32 numbers from base64; little-endian on every machine.
export function decodeFloats(text) {
	const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
	const view = new DataView(bytes.buffer);
	return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

// Gives every figure with this kind of data its button; `makeView(figure, data)` returns the element
// that takes the picture's place, or a promise of it.
export function startViewers(kind, label, makeView) {
	for (const figure of document.querySelectorAll(`.figure[data-opens='${kind}']`)) {
		addViewer(figure, label, makeView);
	}
}

function addViewer(figure, label, makeView) {
	const href = figure.dataset.script;
	const picture = figure.querySelector(".picture");
	const paragraph = element("p.explorer-open");
	const button = element("button.tool", {}, paragraph);
	let view = null;
	let loading = false;

	function show(open) {
		figure.classList.toggle("exploring", open);
		button.ariaExpanded = open;
		button.textContent = open ? t("Back to the picture") : label;
	}

	async function load() {
		await loadScript(href);
		const data = window.layerbookData?.[href];
		if (!data) throw new Error(href);
		return makeView(figure, data);
	}

	on(button, "click", async () => {
		if (view) return show(!figure.classList.contains("exploring"));
		if (loading) return;
		loading = true;
		try {
			view = figure.insertBefore(await load(), picture);
			show(true);
		} catch {
			button.textContent = t("Its data is missing: {file}", { file: href });
		}
		loading = false;
	});
	show(false);
	figure.insertBefore(paragraph, picture);
}
