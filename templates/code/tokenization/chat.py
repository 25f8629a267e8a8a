# equals: r("chat-two-turns").prompts[0].text
messages = [
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "It is Paris."},
]
tokenizer.apply_chat_template(messages, tokenize=False)
