// Texts to begin with: a name, the mode, the text.

import { mark } from "../scripts/messages.js";

export const EXAMPLES = [
	[mark("a capital"), "text", "The capital of France is"],
	[mark("a sum"), "text", "2 + 2 = 4\n3 + 3 = 6\n4 + 4 ="],
	[mark("two names"), "text", "When Mary and John went to the store, John gave a drink to"],
	[mark("a pattern"), "text", "red blue green red blue green red blue"],
	[mark("some code"), "text", "def fibonacci(n):\n    if n < 2:\n        return n\n    return"],
	[mark("a question"), "chat", "Why is the sky blue?"],
];
