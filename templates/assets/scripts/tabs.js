// Tabs: one section at a time. Without this script all of them are on the page, with their titles.

import { element, hasModifier, on } from "./common.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

// The place that the address names; null if there is none, or the address is broken, as in `#%`.
const targetOfAddress = () => {
	try {
		return document.getElementById(decodeURIComponent(location.hash.slice(1)));
	} catch {
		return null;
	}
};

// The section with that place, if it is in one.
const targetIn = (sections) => {
	const target = targetOfAddress();
	return sections.findIndex((section) => target && section.contains(target));
};

function startTabs(box, number) {
	const sections = [...box.querySelectorAll(":scope > .tab")];
	const list = element("div.tab-list", { role: "tablist" });
	const buttons = sections.map((section, index) => {
		const id = `tab-${number}-${index}`;
		const title = section.getAttribute("aria-label");
		const button = element("button.tool", { id, role: "tab" }, list, title);
		section.id ||= `${id}-panel`;
		button.setAttribute("aria-controls", section.id);
		section.setAttribute("role", "tabpanel");
		section.tabIndex = 0;
		return button;
	});
	const show = (chosen) => {
		for (const [index, section] of sections.entries()) {
			section.hidden = index !== chosen;
			buttons[index].setAttribute("aria-selected", String(index === chosen));
			buttons[index].tabIndex = index === chosen ? 0 : -1;
		}
	};
	for (const [index, button] of buttons.entries()) on(button, "click", () => show(index));
	on(list, "keydown", (event) => {
		const now = buttons.indexOf(document.activeElement);
		if (now < 0 || !(event.key in STEPS) || hasModifier(event)) return;
		event.preventDefault();
		const next = Math.max(0, Math.min(buttons.length - 1, now + STEPS[event.key]));
		show(next);
		buttons[next].focus();
	});
	on(window, "hashchange", () => {
		const index = targetIn(sections);
		if (index >= 0) {
			show(index);
			targetOfAddress().scrollIntoView();
		}
	});
	box.prepend(list);
	box.classList.add("started");
	show(Math.max(0, targetIn(sections)));
}

for (const [number, box] of document.querySelectorAll(".tabs").entries()) {
	if (box.querySelector(":scope > .tab")) startTabs(box, number + 1);
}
