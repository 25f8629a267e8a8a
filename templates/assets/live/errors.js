// An error that readers see in their language: the message has `{names}`, and the page translates it
// before the values fill them. A worker sends both.

export class LiveError extends Error {
	constructor(pattern, values = {}) {
		super(pattern.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole));
		Object.assign(this, { pattern, values });
	}
}
