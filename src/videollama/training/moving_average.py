"""An exponential moving average of what is trained: smoother weights than the last step's."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class MovingAverage:
    """Follows tensors; at first faster, so that the beginning is soon forgotten.

    After step n it keeps min(decay, (1 + n) / (10 + n)) of itself, as TensorFlow's does. Whole
    numbers, which count, are taken as they are.

    Args:
        decay: What it keeps of itself at each step, in the end.
        current: Gives the tensors, by name.
    """

    def __init__(self, decay: float, current: Callable[[], Mapping[str, Tensor]]) -> None:
        self._decay, self._current = decay, current
        self.tensors = {name: tensor.clone() for name, tensor in current().items()}

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the tensors after a step, counted from 1."""
        kept = min(self._decay, (1 + step) / (10 + step))
        for name, tensor in self._current().items():
            if tensor.is_floating_point():
                self.tensors[name].lerp_(tensor, 1.0 - kept)
            else:
                self.tensors[name].copy_(tensor)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the average in the place of the tensors while the block runs."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, tensor in self._current().items():
            held = tensor.clone()
            tensor.copy_(self.tensors[name])
            self.tensors[name].copy_(held)
