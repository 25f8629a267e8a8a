// The messages of the scripts, in the language of the book.

import { MARKS, MESSAGES } from "./catalogue.js";

// A message; the values fill its `{names}`. A message that is not written in the call itself is
// wrapped in `mark` where it is written.
export function t(message, values = {}) {
	const translated = MESSAGES[message] ?? message;
	return translated.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const mark = (message) => message;

// The message for one or for many; `{count}` is the number.
export function plural(count, one, many, values = {}) {
	return t(count === 1 ? one : many, { count: grouped(count), ...values });
}

// A number as JavaScript writes it, with the decimal mark of the language: 0.5 or 0,5.
export const decimal = (digits) => digits.replace(".", MARKS.decimal);

// A whole number in groups of three: 49,152 or 49.152.
export const grouped = (number) => number.toLocaleString("en-US").replaceAll(",", MARKS.group);
