"""Tensors to tensors: the model and its parts. Start reading at `videollama.py`."""
