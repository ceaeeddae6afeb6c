"""A trainer's checkpoints: what they hold, and that they appear whole or not at all.

    RUN/checkpoint-STEP/model.safetensors     what is trained
                        average.safetensors   its moving average, if `ema_decay` asks for one
                        best.safetensors      the best validation's, if a run may stop early
                        scaler.pt             the loss scale, in float16
                        optimizer.pt  scheduler.pt  trainer_state.json

A checkpoint is written by the first process beside its place and renamed, so a kill at any moment
leaves the one before. It holds nothing of the number of processes, and no random states: every
batch begins with a seed of its own.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Trainer, TrainerState

from videollama.checkpoints.atomic_output import writing_to
from videollama.errors import DataError, OutputError
from videollama.training.best_weights import BestWeights
from videollama.training.moving_average import MovingAverage
from videollama.training.recipe import TrainingSection
from videollama.training.sharding import gathered, put, put_state, whole_state
from videollama.training.stages import Objective

LEARNED_FILE = "model.safetensors"
AVERAGE_FILE = "average.safetensors"
_OPTIMIZER_FILE, _SCHEDULER_FILE = "optimizer.pt", "scheduler.pt"  # transformers' names


class CheckpointingTrainer(Trainer):
    """transformers' Trainer with checkpoints of ours.

    Attributes:
        objective: What is trained.
        options: The recipe's `training` section.
        folder: The run's.
        average: Of what is trained, or None.
        best: Weights of the best validation, or None.
    """

    objective: Objective
    options: TrainingSection
    folder: Path
    average: MovingAverage | None
    best: BestWeights | None
    _draft: Path | None = None
    _saved_at = -1

    def run(self, checkpoint: Path | None) -> None:
        """Train from the beginning or from a checkpoint; a run that stopped early stays stopped."""
        if checkpoint is not None and self.best is not None:
            self.best.load(checkpoint)
            if self.best.is_over:
                self.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
                return
        self.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    def take_result(self) -> None:
        """Leave in the objective what the run hands on: the best weights, the average or the last.

        All processes take part.
        """
        if self.best is not None and self.best.tensors:
            put(self.best.tensors, self.objective.learned_state())
        elif self.average is not None:
            put(self.average.tensors, self.objective.learned_state())

    # ------------------------------------------------------------------ write

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._draft or super()._get_output_dir(trial))

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write a checkpoint beside its place, rename it, and remove old ones."""
        if self._saved_at == self.state.global_step:
            return
        target = self.folder / f"checkpoint-{self.state.global_step}"
        self._draft = self.folder / ".draft"
        try:
            with writing_to(target):
                self._write_checkpoint(target, model, trial)
        except OutputError as error:
            raise OutputError(f"{error} {self._way_on()}") from error
        finally:
            if self.args.should_save:
                shutil.rmtree(self._draft, ignore_errors=True)
            self._draft = None
        self._saved_at = self.state.global_step

    def _write_checkpoint(self, target: Path, model: nn.Module, trial: Any) -> None:
        if self.args.should_save and self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)
            self._draft.mkdir()
        self.accelerator.wait_for_everyone()
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save and self._draft is not None:
            shutil.rmtree(target, ignore_errors=True)
            (self._draft / target.name).replace(target)
            for old in checkpoints(self.folder)[: -self.options.keep_checkpoints]:
                shutil.rmtree(old)

    def _way_on(self) -> str:
        """What to do after a checkpoint could not be written."""
        whole = checkpoints(self.folder)
        if not whole:
            return "No checkpoint is there yet; begin again with another --out."
        return f"{whole[-1].name} is whole; go on from it with --resume."

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Save only what is trained; called in every process."""
        folder = Path(output_dir or self.folder)
        learned = gathered(self.objective.learned_state())
        average = None if self.average is None else gathered(self.average.tensors)
        if not self.args.should_save:
            return
        folder.mkdir(parents=True, exist_ok=True)
        save_file(learned, folder / LEARNED_FILE, metadata={"format": "pt"})
        if average is not None:
            save_file(average, folder / AVERAGE_FILE, metadata={"format": "pt"})
        if self.best is not None:
            self.best.save(folder)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_distributed_loading_by_transformers:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        state = whole_state(self.optimizer)
        if self.args.should_save:
            torch.save(state, Path(output_dir) / _OPTIMIZER_FILE)
            torch.save(self._schedule().state_dict(), Path(output_dir) / _SCHEDULER_FILE)

    def _save_rng_state(self, output_dir: str) -> None:
        """Nothing: every batch begins with a seed of its own."""

    # ------------------------------------------------------------------ read

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        """Restore what is trained; nothing may be missing or left over."""
        folder = Path(resume_from_checkpoint)
        self._restore(folder / LEARNED_FILE, self.objective.learned_state())
        if self.average is not None:
            self._restore(folder / AVERAGE_FILE, self.average.tensors)

    def _restore(self, file: Path, places: dict[str, Tensor]) -> None:
        saved = load_file(file) if file.exists() else {}
        if set(saved) != set(places):
            raise DataError(f"{file.parent} was saved by another recipe; choose another --out.")
        put(saved, places)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None or not self.is_distributed_loading_by_transformers:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        place = Path(checkpoint)
        state = torch.load(place / _OPTIMIZER_FILE, map_location="cpu", weights_only=True)
        put_state(self.optimizer, state)
        self._schedule().load_state_dict(torch.load(place / _SCHEDULER_FILE, weights_only=True))

    def _schedule(self) -> Any:
        return self.create_scheduler(self.args.max_steps)  # made once


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if re.search(r"-\d+$", path.name)]
    return sorted(found, key=lambda path: int(path.name.rsplit("-", 1)[1]))
