import layerbook as lb
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = lb.model_folder()  # the model of this book, fetched once
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(
    folder, dtype=torch.float64, attn_implementation="eager"
)
ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
