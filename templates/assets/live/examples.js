// Texts to begin with: a name, the mode, the text.
export const EXAMPLES = [
	["a capital", "text", "The capital of France is"],
	["a sum", "text", "2 + 2 = 4\n3 + 3 = 6\n4 + 4 ="],
	["two names", "text", "When Mary and John went to the store, John gave a drink to"],
	["a pattern", "text", "red blue green red blue green red blue"],
	["some code", "text", "def fibonacci(n):\n    if n < 2:\n        return n\n    return"],
	["a question", "chat", "Why is the sky blue?"],
];
