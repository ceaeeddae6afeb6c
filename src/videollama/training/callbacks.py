"""What happens after each step beside the step itself."""

import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from videollama.training.run_log import RunLog


class TimeLimit(TrainerCallback):
    """Ends a run after so many minutes, with a checkpoint.

    Args:
        minutes: Counted from now.
    """

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60.0 * minutes

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Look at the clock."""
        if time.monotonic() > self._end:
            control.should_training_stop = True
            control.should_save = True


class StepNotes(TrainerCallback):
    """Puts every step into the log.

    Args:
        numbers: Gives those of the last batch.
        log: The log.
    """

    def __init__(self, numbers: Callable[[], dict[str, float]], log: RunLog) -> None:
        self._numbers, self._log = numbers, log

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Forget lines of steps that will be trained again."""
        self._log.forget_after(state.global_step)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Note the step."""
        rate = kwargs["optimizer"].param_groups[0]["lr"]
        self._log.step(state.global_step, self._numbers(), rate)
