"""Files to tensors: decoding, frame sampling, audio features. Knows no model and no tokenizer."""
