# equals: r("capital").prompts[0].answer
messages = [{"role": "user", "content": "What is the capital of France?"}]
text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
inputs = tokenizer(text, return_tensors="pt")
outputs = model.generate(**inputs, max_new_tokens=30, do_sample=False)
length = inputs.input_ids.shape[1]
tokenizer.decode(outputs[0, length:], skip_special_tokens=True)
