// Only in pages that `layerbook serve` sends: reloads them, and shows what is wrong with the book.
"use strict";
(() => {
	const loaded = document.currentScript.dataset.version;
	const panel = document.createElement("aside");
	panel.id = "layerbook-preview";
	panel.setAttribute("role", "status");
	panel.hidden = true;
	let source = null;

	const add = (parent, tag, text, name) => {
		const element = document.createElement(tag);
		element.textContent = text;
		if (name) {
			element.className = name;
		}
		parent.append(element);
		return element;
	};

	const showProblem = (problem) => {
		const box = add(panel, "div", "", "problem");
		add(box, "p", problem.place, "place");
		add(box, "p", problem.message, "message");
		if (problem.source) {
			const before = problem.source.slice(0, problem.column - 1).replace(/[^\t]/g, " ");
			add(box, "pre", `${problem.source}\n${before}^`);
		}
	};

	const show = (state) => {
		panel.replaceChildren();
		panel.classList.toggle("wrong", state.problems.length > 0);
		if (state.problems.length > 0) {
			add(panel, "h2", state.words.problems);
			state.problems.forEach(showProblem);
		} else if (state.stale.length > 0) {
			add(panel, "h2", state.words.stale);
			add(panel, "p", state.stale.join(", "), "place");
			add(panel, "p", state.words.advice);
		}
		panel.hidden = panel.childElementCount === 0;
	};

	const receive = (event) => {
		const state = JSON.parse(event.data);
		if (state.version && state.version !== loaded) {
			location.reload();
		} else {
			show(state);
		}
	};

	// A browser keeps few connections to one server open, so hidden tabs have none.
	const connect = () => {
		if (document.hidden) {
			source?.close();
			source = null;
		} else if (!source) {
			source = new EventSource("/-/events");
			source.addEventListener("message", receive);
		}
	};

	document.body.append(panel);
	document.addEventListener("visibilitychange", connect);
	connect();
})();
