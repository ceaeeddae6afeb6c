"""transformers' Trainer for our objectives: what a step is, when a run is validated and ends.

Batch number n follows from the recipe's seed and n alone, its dropout included, so a resumed run
repeats the numbers of an uninterrupted one, on any number of processes (`processes.py`).
"""

import json
import math
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset
from transformers import PrinterCallback
from transformers.integrations.integration_utils import TensorBoardCallback

from videollama.checkpoints.atomic_output import new_file
from videollama.errors import DataError
from videollama.training.arguments import rate_share, training_arguments
from videollama.training.batches import Batches
from videollama.training.best_weights import BestWeights
from videollama.training.callbacks import AfterStep
from videollama.training.checkpointing import CheckpointingTrainer
from videollama.training.loss_scale import SMALLEST_SCALE, allow_on_cpu, loss_scale
from videollama.training.moving_average import MovingAverage
from videollama.training.processes import of_all
from videollama.training.recipe import AnyRecipe
from videollama.training.run_log import RunLog
from videollama.training.sharding import forget_untouched, gathered, shard
from videollama.training.stages import Objective

BAD_BATCH_FILE = "bad_batch.json"


class ObjectiveTrainer(CheckpointingTrainer):
    """Trains an objective; a dataset's item is a whole batch.

    Args:
        objective: What is trained, and its losses.
        training: Batches.
        validation: Batches.
        recipe: Its `training` section with the steps counted.
        folder: The run's folder.
        log: Is told every step, in the first process.
        is_sharded: Spread the weights over the processes (FSDP).
    """

    def __init__(
        self,
        objective: Objective,
        training: Batches,
        validation: Batches,
        *,
        recipe: AnyRecipe,
        folder: Path,
        log: RunLog,
        is_sharded: bool = False,
    ) -> None:
        options = recipe.training
        self.objective, self.options, self.folder = objective, options, folder
        self._validation, self._log, self._seed = validation, log, recipe.seed
        self._step: list[_BatchNotes] = []
        self._validated: dict[str, float] = {}
        self._validated_at = -1
        minutes = math.inf if options.max_minutes is None else options.max_minutes
        self._end = time.monotonic() + 60.0 * minutes
        super().__init__(
            model=objective,
            args=training_arguments(recipe, folder),
            train_dataset=_Numbered(training),
            eval_dataset=validation,
            data_collator=_only_item,
        )
        allow_on_cpu(self.accelerator)
        if is_sharded:
            shard(objective, self.args.device)
            # transformers' name for a model that it must not wrap: the shards are ours.
            self.is_distributed_loading_by_transformers = True
        patience, decay = options.early_stop_patience, options.ema_decay
        self.best = None if patience is None else BestWeights(patience)
        self.average = None if decay is None else MovingAverage(decay, objective.learned_state)
        self.loss_is_scaled_for_ga = False
        self.remove_callback(PrinterCallback)  # it prints a dictionary on standard output
        self.add_callback(AfterStep(self._begun, self._ended))
        for callback in self.callback_handler.callbacks:
            if isinstance(callback, TensorBoardCallback):
                callback.logging_dir = str(folder / "tensorboard")

    # ------------------------------------------------------------------ optimisation

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW; matrices decay, vectors and scalars do not."""
        if self.optimizer is None:
            options = self.options
            groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
            for name, parameter in self.objective.named_parameters():
                if parameter.requires_grad:
                    kind = (parameter.ndim > 1, self.objective.rate_of(name))
                    groups.setdefault(kind, []).append(parameter)
            self.optimizer = torch.optim.AdamW(
                [
                    {
                        "params": parameters,
                        "lr": options.learning_rate * rate,
                        "weight_decay": options.weight_decay if decays else 0.0,
                    }
                    for (decays, rate), parameters in groups.items()
                ],
                betas=(0.9, options.beta2),
            )
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> LambdaLR:
        """A linear warm-up under a cosine that ends at a share of the highest rate."""
        if self.lr_scheduler is None:
            self.lr_scheduler = LambdaLR(
                optimizer or self.create_optimizer(),
                lambda step: rate_share(step, num_training_steps, self.options),
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """One forward and backward pass; the last of a step joins what all processes noted.

        Raises:
            DataError: A loss is not a number; the samples of its batch are saved.
        """
        ids, number = inputs.pop("ids", []), inputs.pop("number")
        torch.manual_seed(_seed_of(self._seed, number))
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._step.append((number, self._numbers, ids))
        if self.accelerator.sync_gradients:
            self._join()
        return loss

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """The objective's loss; its other numbers are noted."""
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
        self._numbers = {name: float(value.detach()) for name, value in outputs.items()}
        return loss

    def _join(self) -> None:
        """Means over the batches of a step, the same in every process, and whether time is up."""
        is_late = time.monotonic() > self._end
        told = of_all([(*notes, is_late) for notes in self._step])
        self._step = []
        bad = [(numbers, ids) for _, numbers, ids, _ in told if not math.isfinite(numbers["loss"])]
        if bad:
            raise self._diverged(bad[0][0], [name for _, ids in bad for name in ids])
        self._is_late = any(late for *_, late in told)
        self._means = _means([(numbers, 1) for _, numbers, _, _ in told])
        if self.is_distributed_loading_by_transformers:
            forget_untouched(self.objective)

    def _begun(self) -> None:
        if self.is_world_process_zero():
            self._log.forget_after(self.state.global_step)

    def _ended(self, rate: float) -> bool:
        """A step is done; gives whether the run's time is over.

        Raises:
            DataError: Gradients overflow float16 at any scale.
        """
        scale = loss_scale(self.accelerator)
        if scale is not None and scale < SMALLEST_SCALE:
            raise DataError(
                f"Gradients overflow float16 at step {self.state.global_step} and those before it; "
                f"begin in another --out with training.precision bfloat16 or float32."
            )
        if self.average is not None:
            self.average.follow(self.state.global_step)
        if self.is_world_process_zero():
            settings = {"learning_rate": rate} | ({} if scale is None else {"loss_scale": scale})
            self._log.step(self.state.global_step, self._means, settings)
            self._report({**self._means, **settings})
        return self._is_late

    def _report(self, numbers: dict[str, float]) -> None:
        """Tell those of `report_to`."""
        self.callback_handler.on_log(self.args, self.state, self.control, numbers)

    def _diverged(self, numbers: dict[str, float], ids: list[str]) -> DataError:
        step = self.state.global_step + 1
        file = self.folder / BAD_BATCH_FILE
        if self.is_world_process_zero():
            with new_file(file) as draft:
                report = {"step": step, "numbers": {n: str(v) for n, v in numbers.items()}}
                draft.write_text(json.dumps({**report, "samples": ids}, indent=2), encoding="utf-8")
        other = "a lower training.learning_rate"
        if self.options.precision == "float16":
            other = "training.precision bfloat16 or float32"
        return DataError(
            f"The loss is {numbers['loss']} at step {step}; the samples are listed in {file}. "
            f"Look at them, or begin in another --out with {other}."
        )

    # ------------------------------------------------------------------ validation

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Means of the objective's numbers over the validation batches, once per step."""
        step = self.state.global_step
        if self._validated_at == step:  # the Trainer asks again at the end
            return self._validated
        with nullcontext() if self.average is None else self.average.in_place():
            means = self._validate()
            if self.best is not None:
                self.best.see(step, means["loss"], lambda: gathered(self.objective.learned_state()))
                if self.best.is_over:
                    self.control.should_training_stop = self.control.should_save = True
        if self.is_world_process_zero():
            self._log.validation(step, means)
        self._validated_at = step
        self._validated = {f"eval_{name}": value for name, value in means.items()}
        self._report(self._validated)
        return self._validated

    def _validate(self) -> dict[str, float]:
        """Every process takes its share of the batches, and all as many, for FSDP's sake."""
        count, num_processes = len(self._validation), self.args.world_size
        noted = []
        self.objective.eval()
        for turn in range(math.ceil(count / num_processes)):
            number = turn * num_processes + self.args.process_index
            inputs = self._prepare_inputs(self._validation[min(number, count - 1)])
            size = len(inputs.pop("ids"))
            torch.manual_seed(_seed_of(self._seed, number))
            with torch.no_grad(), self.accelerator.autocast():
                outputs = self.objective(**inputs)
            if number < count:
                noted.append(({name: float(value) for name, value in outputs.items()}, size))
        self.objective.train()
        return _means(of_all(noted))


_BatchNotes = tuple[int, dict[str, float], list[str]]
"""A batch's number, what the objective says of it, and the names of its samples."""


class _Numbered(Dataset[dict[str, Any]]):
    """Batches that know their number."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> dict[str, Any]:
        return {**self._batches[number], "number": number}


def _seed_of(seed: int, number: int) -> int:
    """Of a batch's dropout."""
    return (seed * 1_000_003 + number) % 2**63


def _means(noted: list[tuple[dict[str, float], int]]) -> dict[str, float]:
    """Weighted means, whatever the order; not every batch has every number."""
    weights: Counter[str] = Counter()
    values: dict[str, list[float]] = {}
    for numbers, weight in noted:
        for name, value in numbers.items():
            values.setdefault(name, []).append(value * weight)
            weights[name] += weight
    return {name: math.fsum(each) / weights[name] for name, each in values.items()}


def _only_item(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """The collator: an item is a batch already."""
    return batches[0]
