// The messages of a book that is not in English. The build puts those of its language here, into
// each script its own; together they are those of the page.

export const MESSAGES = Object.assign((globalThis.layerbookMessages ??= {}), {});
export const MARKS = { decimal: ".", group: "," };
