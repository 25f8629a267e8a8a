// A choice to commit to before the answer opens, remembered where the browser allows it.

import { t } from "./messages.js";
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
		const outcome = cameTrue
			? t("On this model it came true.")
			: t("On this model it came out otherwise.");
		const said = choice ? t("You said: {choice}.", { choice: textOf(choice) }) : "";
		verdict.textContent = said && right ? `${said} ${outcome}` : said;
		verdict.classList.toggle("came-true", cameTrue);
		for (const each of choices) {
			each.checked = each === choice;
			each.disabled = choice !== undefined;
		}
		button.textContent = choice ? t("Ask me again") : t("Commit");
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
