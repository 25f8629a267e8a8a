// A question that readers answer before they see the answer. Their choice is kept in the browser.

import { t } from "./messages.js";
import { on } from "./common.js";
import { readStorage, writeStorage } from "./storage.js";

const textOf = (choice) => choice.parentNode.textContent.trim();

function startPrediction(box) {
	const choices = [...box.querySelectorAll("input")];
	const button = box.querySelector("button");
	const result = box.querySelector(".prediction-result");
	const isRight = ({ value }) => box.dataset.right.split(" ").includes(value);
	const answer = choices
		.filter(isRight)
		.map(textOf)
		.join(` ${t("or")} `);
	// The words of the question are part of the key, so a new question has no saved choice.
	const key = `layerbook-prediction ${box.querySelector("legend").textContent}`;

	function judge(choice) {
		if (isRight(choice)) return t("Right. On this model, that is the answer.");
		return t("A fair guess. On this model the answer is: {answer}.", { answer });
	}

	// Shows the box with this choice made, or with none.
	function show(choice) {
		const cameTrue = choice !== undefined && isRight(choice);
		const statement = choice ? t("You said: {choice}.", { choice: textOf(choice) }) : "";
		result.textContent = statement && answer ? `${statement} ${judge(choice)}` : statement;
		result.classList.toggle("came-true", cameTrue);
		for (const each of choices) {
			each.checked = each === choice;
			each.disabled = choice !== undefined;
			each.parentNode.classList.toggle("answer", choice !== undefined && isRight(each));
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
