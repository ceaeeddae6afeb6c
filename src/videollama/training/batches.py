"""What a trainer reads: whole batches, each of which follows from its number alone."""

from abc import abstractmethod
from typing import Any

from torch.utils.data import Dataset


class Batches(Dataset[dict[str, Any]]):
    """Batches by number: the objective's inputs, and `ids` that name the samples.

    Args:
        length: Number of batches.
    """

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> dict[str, Any]:
        """Batch `number`."""
        if not 0 <= number < self._length:
            raise IndexError(number)
        return self.make(number)

    @abstractmethod
    def make(self, number: int) -> dict[str, Any]:
        """Put batch `number` together; the same at every call."""
