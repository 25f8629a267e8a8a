import layerbook as lb
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = lb.model_folder()  # the model of this book, fetched once
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(
    folder, dtype=torch.float64, attn_implementation="eager"
)
ids = tokenizer(" 2 + 2 - 3 = ", return_tensors="pt").input_ids
text = model.generate(ids, do_sample=False, max_new_tokens=15)
