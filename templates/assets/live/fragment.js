// The state of the page in the address, so that a link brings it back.

const KNOBS = ["temperature", "top-k", "top-p"];

// `#text=…&mode=chat&temperature=1&top-k=0&top-p=1&off=5.3,7&hide=4`; a head is `layer.head`.
export function writeFragment({ text, mode, knobs, changes: { sets } }) {
	const fields = new URLSearchParams({ text });
	if (mode !== "text") fields.set("mode", mode);
	KNOBS.forEach((name, i) => fields.set(name, knobs[i]));
	const off = [...sets.heads, ...sets.mlps];
	if (off.length) fields.set("off", off.join());
	if (sets.blocked.length) fields.set("hide", sets.blocked.join());
	return `#${fields}`;
}

const listOf = (text) => (text ? [...new Set(text.split(","))] : []);

// Numbers in one spelling, without zeros before them.
const isBelow = (limit) => (text) => /^(0|[1-9]\d*)$/.test(text) && Number(text) < limit;

// What is wrong or missing in it is left out.
export function readFragment(hash, { layers, heads }) {
	const fields = new URLSearchParams(hash.slice(1));
	const knobs = KNOBS.map((name) => Number.parseFloat(fields.get(name)));
	const off = listOf(fields.get("off"));
	const isHead = (text) => {
		const [layer, head, ...rest] = text.split(".");
		return head !== undefined && !rest.length && isBelow(layers)(layer) && isBelow(heads)(head);
	};
	return {
		text: fields.get("text"),
		mode: fields.get("mode") === "chat" ? "chat" : "text",
		knobs: knobs.every((value) => value >= 0) ? knobs : null,
		changes: {
			heads: off.filter(isHead),
			mlps: off.filter(isBelow(layers)).map(Number),
			blocked: listOf(fields.get("hide")).filter(isBelow(1e6)).map(Number),
		},
	};
}
