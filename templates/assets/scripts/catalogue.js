// The messages of a book that is not in English. The build puts those of its language here.

export const MESSAGES = {};
export const MARKS = { decimal: ".", group: "," };
