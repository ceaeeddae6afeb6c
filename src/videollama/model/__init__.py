"""Tensors to tensors: the encoders, the Q-Formers and the audio-visual language model. Opens no media."""
