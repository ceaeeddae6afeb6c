"""Joins training data and evaluation: annotated files as questions of the task `answers`."""

import random
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from videollama.errors import DataError

if TYPE_CHECKING:
    from videollama.evaluation.own_answers import AnswersTask
    from videollama.evaluation.tasks import Sample
    from videollama.training.datasets.record import Sample as Annotated

_PREFERRED = ("test", "val")


def read_own_questions(
    data: Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    num_frames: int = 8,
) -> "AnswersTask":
    """The first question of every sample about one file.

    Args:
        data: A folder or a file, in any format of docs/data.md.
        split: Which samples; None takes "test", else "val", else the only split.
        limit: At most so many, drawn with `seed`.
        seed: Of the draw.
        num_frames: Frames of a video.

    Raises:
        DataError: There are none, the split is not there, or it is not clear which is meant.
    """
    from videollama.evaluation.own_answers import AnswersTask
    from videollama.training.datasets.record import without_marks
    from videollama.training.datasets.source import open_source

    broken: dict[str, str] = {}
    found = list(open_source(data).samples(broken.__setitem__))
    chosen = _split(data, split, Counter(sample.split for sample in found), broken)
    here = [sample for sample in found if sample.split == chosen]
    asked = [s for s in here if len(s.media) == 1 and without_marks(s.turns[0].question)]
    if limit is not None and limit < len(asked):
        kept = sorted(random.Random(seed).sample(range(len(asked)), limit))
        asked = [asked[index] for index in kept]
    source = f"split {chosen}"
    if left_out := len(here) - len([s for s in here if len(s.media) == 1]):
        source += f", without {left_out} about several files"
    if broken:
        source += f", without {len(broken)} broken ones"
    samples = [_sample(sample, num_frames) for sample in asked]
    return AnswersTask(samples, source)


def _split(data: Path, wanted: str | None, counts: Counter[str], broken: dict[str, str]) -> str:
    if not counts:
        first = next((f"; the first: {n}: {why}" for n, why in broken.items()), "")
        raise DataError(f"{data} holds no sample that can be used{first}.")
    if wanted is None:
        names = [name for name in _PREFERRED if name in counts] or list(counts)
        if len(names) == 1 or names[0] in _PREFERRED:
            return names[0]
    elif wanted in counts:
        return wanted
    listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
    asked = "a split has to be chosen" if wanted is None else f"there is no split {wanted!r}"
    raise DataError(f"{data}: {asked}; set --split to one of {listed}.")


def _sample(annotated: "Annotated", num_frames: int) -> "Sample":
    from videollama.evaluation.tasks import Sample
    from videollama.media.decode import read_clip
    from videollama.media.frame_sampling import FrameSampling
    from videollama.training.datasets.record import without_marks

    medium, turn = annotated.media[0], annotated.turns[0]
    sampling = FrameSampling(
        num_frames=num_frames,
        start_seconds=medium.start_seconds,
        end_seconds=medium.end_seconds,
    )
    return Sample(
        id=annotated.origin,
        question=without_marks(turn.question),
        truth=turn.answer,
        open_clip=partial(read_clip, medium.path, sampling),
    )
