"""What happens after each step beside the step itself."""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class AfterStep(TrainerCallback):
    """Tells the trainer of steps, and ends a run whose time is over, with a checkpoint.

    Args:
        begin: Called before the first step.
        end: Called after each with the learning rate; gives whether the time is over.
    """

    def __init__(self, begin: Callable[[], None], end: Callable[[float], bool]) -> None:
        self._begin, self._end = begin, end

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Forget lines of steps that will be trained again."""
        self._begin()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Note the step, and look at the clock."""
        if self._end(kwargs["optimizer"].param_groups[0]["lr"]):
            control.should_training_stop = True
            control.should_save = True
