"""Files to tensors: decoding, frame sampling and audio features. Knows no model and no tokenizer."""
