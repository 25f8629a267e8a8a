# equals: [[t.id for t in p.tokens] for p in r("hello-world").prompts]
texts = ["Hell", "Hello", "Hello,", "Hello, World", "Hello, World!"]
[tokenizer.encode(text) for text in texts]
