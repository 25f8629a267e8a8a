// A choice to commit to before the answer opens, remembered where the browser allows it.

import { on } from "./common.js";
import { readStorage, writeStorage } from "./storage.js";

const textOf = (choice) => choice.parentNode.textContent.trim();

function startPrediction(box) {
	const choices = [...box.querySelectorAll("input")];
	const button = box.querySelector("button");
	const verdict = box.querySelector(".said");
	const { right } = box.dataset;
	// By the question's words: another question is another prediction.
	const key = `layerbook-said ${box.querySelector("legend").textContent}`;

	// With this choice committed to, or with none.
	function show(choice) {
		const cameTrue = choice !== undefined && right.split(" ").includes(choice.value);
		const outcome = cameTrue ? "it came true" : "it came out otherwise";
		const comparison = right && ` On this model ${outcome}.`;
		verdict.textContent = choice ? `You said: ${textOf(choice)}.${comparison}` : "";
		verdict.classList.toggle("came-true", cameTrue);
		for (const each of choices) {
			each.checked = each === choice;
			each.disabled = choice !== undefined;
		}
		button.textContent = choice ? "Ask me again" : "Commit";
		button.disabled = choice === undefined;
	}

	on(button, "click", () => {
		const commits = !choices[0].disabled;
		const choice = commits ? choices.find(({ checked }) => checked) : undefined;
		show(choice);
		box.querySelector("details").open = commits;
		if (!commits) choices[0].focus();
		writeStorage(key, choice ? textOf(choice) : "");
	});
	on(box, "change", () => {
		button.disabled = false;
	});
	button.hidden = false;
	const saved = readStorage(key);
	show(choices.find((choice) => textOf(choice) === saved));
}

document.querySelectorAll(".predict").forEach(startPrediction);
