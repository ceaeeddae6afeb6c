"""The weights of the best validation so far, and when it is time to stop."""

import json
from collections.abc import Callable
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

BEST_FILE = "best.safetensors"


class BestWeights:
    """Kept in memory and in every checkpoint.

    Args:
        patience: So many validations without a lower loss end the run.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self.loss = float("inf")
        self.step = self._seen = -1
        self._worse = 0
        self.tensors: dict[str, Tensor] = {}

    @property
    def is_over(self) -> bool:
        """Whether patience is at its end."""
        return self._worse >= self._patience

    def see(self, step: int, loss: float, weights: Callable[[], dict[str, Tensor]]) -> None:
        """Take note of a validation; the same one a second time changes nothing.

        Args:
            step: After which it was.
            loss: On validation data.
            weights: Gives a copy of them.
        """
        if step <= self._seen:
            return
        self._seen = step
        if loss < self.loss:
            self.loss, self.step, self._worse = loss, step, 0
            self.tensors = weights()
        else:
            self._worse += 1

    def save(self, folder: Path) -> None:
        """Write all this into a checkpoint."""
        facts = {"loss": self.loss, "step": self.step, "seen": self._seen, "worse": self._worse}
        save_file(self.tensors, folder / BEST_FILE, metadata={"best": json.dumps(facts)})

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        with safe_open(folder / BEST_FILE, framework="pt") as stored:
            facts = json.loads(stored.metadata()["best"])
        self.loss, self.step = facts["loss"], facts["step"]
        self._seen, self._worse = facts["seen"], facts["worse"]
        self.tensors = load_file(folder / BEST_FILE)
