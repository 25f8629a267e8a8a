// The engine in a worker: a message names a method and its arguments, the answer has its value.

import { Engine } from "./engine.js";

const engine = new Engine((share) => postMessage({ share }));

addEventListener("message", async ({ data: { id, method, values } }) => {
	try {
		postMessage({ id, value: await engine[method](...values) });
	} catch (error) {
		postMessage({ id, error: { message: error.pattern ?? error.message, values: error.values } });
	}
});
