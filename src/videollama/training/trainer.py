"""transformers' Trainer for our objectives: what it saves, when it stops, how it resumes.

A checkpoint holds what is trained, the optimizer, the random states and the step. It is written
beside its place and renamed, so a kill at any moment leaves the one before. Batch number n follows
from the recipe's seed and n alone, so a resumed run repeats the numbers of an uninterrupted one.
"""

import json
import math
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from videollama.checkpoints.atomic_output import new_file, writing_to
from videollama.errors import DataError, OutputError
from videollama.training.batches import Batches
from videollama.training.callbacks import StepNotes, TimeLimit
from videollama.training.recipe import TrainingSection
from videollama.training.run_log import RunLog
from videollama.training.stages import Objective

LEARNED_FILE = "model.safetensors"
BAD_BATCH_FILE = "bad_batch.json"


class ObjectiveTrainer(Trainer):
    """Trains an objective; a dataset's item is a whole batch.

    Args:
        objective: What is trained, and its losses.
        training: Batches.
        validation: Batches.
        options: The recipe's `training` section.
        folder: The run's folder.
        seed: Of dropout.
        log: Is told every step.
    """

    def __init__(
        self,
        objective: Objective,
        training: Batches,
        validation: Batches,
        *,
        options: TrainingSection,
        folder: Path,
        seed: int,
        log: RunLog,
    ) -> None:
        self._options, self._folder, self._log = options, folder, log
        self._objective, self._validation = objective, validation
        self._draft: Path | None = None
        self._validated: dict[str, float] = {}
        self._validated_at = self._saved_at = -1
        super().__init__(
            model=objective,
            args=_arguments(options, folder, seed),
            train_dataset=training,
            eval_dataset=validation,
            data_collator=_only_item,
        )
        self.loss_is_scaled_for_ga = False
        self.remove_callback(PrinterCallback)  # it prints a dictionary on standard output
        self.add_callback(StepNotes(self.noted, log))
        if options.max_minutes is not None:
            self.add_callback(TimeLimit(options.max_minutes))

    # ------------------------------------------------------------------ optimisation

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW; matrices decay, vectors and scalars do not."""
        if self.optimizer is None:
            options = self._options
            groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
            for name, parameter in self._objective.named_parameters():
                if parameter.requires_grad:
                    kind = (parameter.ndim > 1, self._objective.rate_of(name))
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
                lambda step: rate_share(step, num_training_steps, self._options),
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """One forward and backward pass.

        Raises:
            DataError: The loss is not a number; the batch's samples are saved.
        """
        ids = inputs.pop("ids", [])
        self._numbers: dict[str, float] = {}
        loss = super().training_step(model, inputs, num_items_in_batch)
        if not math.isfinite(self._numbers["loss"]):
            raise self._diverged(ids)
        return loss

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """The objective's loss; its other numbers are noted."""
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
        self._numbers = {name: float(value.detach()) for name, value in outputs.items()}
        return loss

    def noted(self) -> dict[str, float]:
        """The numbers of the last batch."""
        return self._numbers

    def _diverged(self, ids: list[str]) -> DataError:
        step = self.state.global_step + 1
        file = self._folder / BAD_BATCH_FILE
        with new_file(file) as draft:
            report = {"step": step, "numbers": {n: str(v) for n, v in self._numbers.items()}}
            draft.write_text(json.dumps({**report, "samples": ids}, indent=2), encoding="utf-8")
        return DataError(
            f"The loss is {self._numbers['loss']} at step {step}; the samples are listed in "
            f"{file}. Look at them, or lower training.learning_rate and go on with --resume."
        )

    # ------------------------------------------------------------------ validation

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Means of the objective's numbers over the validation batches, once per step."""
        if self._validated_at == self.state.global_step:  # the Trainer asks again at the end
            return self._validated
        self._objective.eval()
        sums: dict[str, float] = {}
        samples: Counter[str] = Counter()  # not every batch has every number
        for number in range(len(self._validation)):
            inputs = self._prepare_inputs(self._validation[number])
            size = len(inputs.pop("ids"))
            with torch.no_grad(), self.compute_loss_context_manager():
                outputs = self._objective(**inputs)
            for name, value in outputs.items():
                sums[name] = sums.get(name, 0.0) + float(value) * size
                samples[name] += size
        self._objective.train()
        means = {name: total / samples[name] for name, total in sums.items()}
        self._log.validation(self.state.global_step, means)
        self._validated_at = self.state.global_step
        self._validated = {f"eval_{name}": value for name, value in means.items()}
        return self._validated

    # ------------------------------------------------------------------ checkpoints

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._draft or super()._get_output_dir(trial))

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write a checkpoint beside its place, rename it, and remove old ones."""
        if self._saved_at == self.state.global_step:
            return
        target = self._folder / f"checkpoint-{self.state.global_step}"
        self._draft = self._folder / ".draft"
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
            for old in checkpoints(self._folder)[: -self._options.keep_checkpoints]:
                shutil.rmtree(old)

    def _way_on(self) -> str:
        """What to do after a checkpoint could not be written."""
        whole = checkpoints(self._folder)
        if not whole:
            return "No checkpoint is there yet; begin again with another --out."
        return f"{whole[-1].name} is whole; go on from it with --resume."

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Save only what is trained."""
        folder = Path(output_dir or self._folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: t.contiguous() for name, t in self._objective.learned_state().items()}
        save_file(state, folder / LEARNED_FILE, metadata={"format": "pt"})

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        """Restore what is trained; nothing may be missing or left over."""
        saved = load_file(Path(resume_from_checkpoint) / LEARNED_FILE)
        own = self._objective.learned_state()
        if set(saved) != set(own):
            raise DataError(
                f"{resume_from_checkpoint} was saved by another recipe; choose another --out."
            )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(saved[name])


def rate_share(step: int, total: int, options: TrainingSection) -> float:
    """Learning rate at a step, as a share of the highest."""
    warm = min(1.0, (step + 1) / max(options.warmup_steps, 1))
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(step, total) / total))
    return warm * (cosine * (1.0 - options.final_share) + options.final_share)


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if re.search(r"-\d+$", path.name)]
    return sorted(found, key=lambda path: int(path.name.rsplit("-", 1)[1]))


def _only_item(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """The collator: an item is a batch already."""
    return batches[0]


def _arguments(options: TrainingSection, folder: Path, seed: int) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=options.max_steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=options.gradient_accumulation,
        max_grad_norm=options.max_grad_norm,
        bf16=options.precision == "bfloat16",
        use_cpu=not torch.accelerator.is_available(),
        seed=seed,
        data_seed=seed,
        train_sampling_strategy="sequential",
        save_strategy="steps",
        save_steps=options.save_every,
        eval_strategy="steps",
        eval_steps=options.validate_every,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=True,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # one process per GPU; never DataParallel
    return arguments
