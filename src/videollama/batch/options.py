"""What is done to every file of a batch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from videollama.errors import InputError
from videollama.inference.options import AskOptions, split_options

Task = Literal["caption", "analyze", "embed"]

_MOMENTS = {"num_frames", "frames_per_second", "start_seconds", "end_seconds", "sampling"}
_MEANINGFUL = {
    "caption": set(AskOptions.__annotations__),
    "analyze": {"num_frames"},
    "embed": _MOMENTS,
}


@dataclass(frozen=True)
class BatchOptions:
    """What is done, with which model.

    Attributes:
        task: "caption", "analyze" or "embed".
        model: As for `VideoLlama.load`.
        device: As for `VideoLlama.load`; with several workers on one machine, "auto" gives them its
            CUDA devices in turn.
        dtype: As for `VideoLlama.load`.
        question: What captions answer; as for `VideoLlama.caption` if absent.
        asked: Further options of a caption; of them "embed" takes those that choose moments, and
            "analyze" only `num_frames`.

    Raises:
        InputError: The task is unknown, or an option makes no sense for it.
    """

    task: Task
    model: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    question: str | None = None
    asked: AskOptions = field(default_factory=AskOptions)

    def __post_init__(self) -> None:
        if self.task not in _MEANINGFUL:
            raise InputError(f"The task {self.task!r} is unknown; use {', '.join(_MEANINGFUL)}.")
        if self.question is not None and not self.question.strip():
            raise InputError("The question is empty; ask something, for example 'What happens?'.")
        split_options(self.asked)
        given = {name for name, value in self.asked.items() if value is not None}
        if self.question is not None:
            given.add("question")
        meaningful = _MEANINGFUL[self.task] | ({"question"} if self.task == "caption" else set())
        for name in sorted(given - meaningful):
            raise InputError(f"The option {name} means nothing to the task {self.task}; leave it.")

    def identity(self) -> dict[str, Any]:
        """All that the results depend on, ready for JSON; the device is not among them."""
        given = {name: value for name, value in self.asked.items() if value is not None}
        model = self.model
        if model is not None and Path(model).exists():
            model = str(Path(model).absolute())
        facts = {"task": self.task, "model": model, "dtype": self.dtype}
        return {**facts, "question": self.question, **dict(sorted(given.items()))}
