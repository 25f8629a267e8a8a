# equals: r("vocabulary").size
import layerbook as lb
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(lb.model_folder())
len(tokenizer)
