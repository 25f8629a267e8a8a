import layerbook as lb
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = lb.model_folder()  # the model of this book, fetched once
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(
    folder, dtype=torch.float64, attn_implementation="eager"
)

def blank(ids):  # which tokens are nothing but whitespace?
    texts = [tokenizer.decode([id]) for id in ids.tolist()]
    return torch.tensor([text.isspace() for text in texts])
