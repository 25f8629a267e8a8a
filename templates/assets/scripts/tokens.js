// Shows the facts about a token on hover, focus or tap. Without this script they are in the
// title of the chip.

import { clamp, element, hasModifier, on, placeBeside } from "./common.js";

// Pressed as a whole, so that the keyboard does not stop at a chip in it.
const PRESSED = "a, button, summary, label";
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

const tip = element("div.token-tip", { id: "token-tip", role: "tooltip", hidden: "" });
let current = null; // the chip that the tip is about
let dismissed = null; // the chip whose tip Escape has closed

function placeTip() {
	if (current) placeBeside(tip, current.getBoundingClientRect());
}

function hide() {
	current?.removeAttribute("aria-describedby");
	current = null;
	tip.hidden = true;
}

function show(chip) {
	if (chip === current || chip === dismissed) return;
	hide();
	dismissed = null;
	// Without its title, which the browser would show as well.
	if (chip.title) chip.dataset.facts = chip.title;
	chip.removeAttribute("title");
	tip.textContent = chip.dataset.facts ?? "";
	if (!tip.textContent) return;
	current = chip;
	tip.hidden = false;
	chip.setAttribute("aria-describedby", tip.id);
	placeTip();
}

// Back to the chip that has the keyboard, if one has.
function showFocused() {
	const focused = document.activeElement;
	if (dismissed !== focused) dismissed = null;
	if (focused.matches(".tok:focus-visible")) show(focused);
	else hide();
}

// The element whose chips are one stop for the keyboard; arrow keys move among them.
const groupOf = (chip) =>
	chip.closest(".chips") ??
	chip.closest("table") ??
	chip.closest("p, li, dd, h2, h3") ??
	chip.parentNode;

const chipsOf = (group) =>
	[...group.querySelectorAll(".tok[tabindex]")].filter((chip) => groupOf(chip) === group);

function moveFocus(chip, event) {
	const step = STEPS[event.key];
	if (!step || chip !== event.target || hasModifier(event)) return;
	const frames = chip.closest(".frames");
	if (frames) return frames.focus(); // its own keys show another frame, and this chip goes
	const chips = chipsOf(groupOf(chip));
	const next = chips[clamp(chips.indexOf(chip) + step, 0, chips.length - 1)];
	event.preventDefault();
	chip.tabIndex = -1;
	next.tabIndex = 0;
	next.focus();
}

const LISTENERS = {
	mouseover(chip, event) {
		if (chip) show(chip);
		else if (!tip.contains(event.target)) showFocused();
	},
	mouseout(_, event) {
		if (!event.relatedTarget) showFocused();
	},
	pointerup(chip, event) {
		if (chip && event.pointerType === "touch") show(chip);
	},
	pointerdown(chip, event) {
		if (!chip && !tip.contains(event.target)) hide();
	},
	focusin(chip, event) {
		dismissed = null;
		if (chip === event.target) show(chip);
		else hide();
	},
	focusout: hide,
	scroll: placeTip,
	keydown(chip, event) {
		if (event.key === "Escape" && current) {
			dismissed = current;
			hide();
		}
		moveFocus(chip, event);
	},
};

document.body.append(tip);
for (const chip of document.querySelectorAll(".tok[title]")) {
	if (!chip.closest(PRESSED)) chip.tabIndex = chipsOf(groupOf(chip)).length ? -1 : 0;
}
for (const [name, listener] of Object.entries(LISTENERS)) {
	const withChip = (event) => listener(event.target.closest?.(".tok") ?? null, event);
	on(document, name, withChip, true);
}
on(window, "resize", placeTip);
