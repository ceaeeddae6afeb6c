"""From the options of `videollama eval` to a task."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videollama.errors import DataError, InputError

if TYPE_CHECKING:
    from videollama.evaluation.clip_captions import CaptionedClip
    from videollama.evaluation.tasks import Task
    from videollama.training.datasets.record import Sample


class TaskName(StrEnum):
    """What can be measured."""

    CAPTIONS = "captions"
    SOUNDS = "sounds"
    ORDER = "order"
    YESNO = "yesno"
    HALLUCINATION = "hallucination"
    ANSWERS = "answers"
    MSVD_QA = "msvd-qa"
    MSRVTT_QA = "msrvtt-qa"
    ACTIVITYNET_QA = "activitynet-qa"
    MVBENCH = "mvbench"
    VIDEO_MME = "video-mme"
    VIDEO_CHATGPT = "video-chatgpt"
    CLIP_CAPTIONS = "clip-captions"


class Choice(StrEnum):
    """How an option is chosen."""

    LETTER = "letter"
    LIKELIHOOD = "likelihood"


@dataclass(frozen=True)
class Form:
    """What a task is built by, and the options that it takes beside those of all tasks."""

    build: Callable[[TaskName, Path, dict[str, Any]], "Task"]
    options: frozenset[str]


def build_task(
    name: TaskName, folder: Path, own: Mapping[str, Any], common: Mapping[str, Any]
) -> "Task":
    """The task with its questions.

    Args:
        name: Which.
        folder: What it is about.
        own: Options that some tasks take, by name; None or False where they are not given.
        common: `limit`, `seed` and, if given, `num_frames`.

    Raises:
        InputError: An option does not fit the task, or one is missing.
        DataError: The folder is not usable.
    """
    form = _FORMS[name]
    given = {option: value for option, value in own.items() if value not in (None, False)}
    for option, value in given.items():
        if option not in form.options:
            shown = "" if value is True else f" {value}"
            flag = f"--{option.replace('_', '-')}{shown}"
            raise InputError(f"{flag} does not fit: {_remedy(name, option)}.")
    _require_judge(name, given)
    arguments = {key: value for key, value in given.items() if key not in _OF_THE_RUN}
    return form.build(name, folder, {**arguments, **common})


def _require_judge(name: TaskName, given: Mapping[str, Any]) -> None:
    if name is TaskName.VIDEO_CHATGPT and "judge" not in given:
        raise InputError(
            f"{name} has no figures without a judge; give --judge URL and --judge-model NAME."
        )
    if ("judge" in given) != ("judge_model" in given):
        raise InputError("A judge needs both --judge URL and --judge-model NAME.")


def _remedy(name: TaskName, option: str) -> str:
    if option == "fold" and "split" in _FORMS[name].options:
        return "photos are divided into splits; use --split"
    if option == "split" and "fold" in _FORMS[name].options:
        return "sounds are divided into folds; use --fold"
    if option == "photos" and "split" in _FORMS[name].options:
        return "FOLDER itself holds the photos of this task"
    fitting = [str(task) for task, form in _FORMS.items() if option in form.options]
    return f"it is for {', '.join(fitting)}; leave it out for {name}"


def _photos(name: TaskName, folder: Path, arguments: dict[str, Any]) -> "Task":
    from videollama.evaluation.captioning import CaptionsTask
    from videollama.evaluation.order import OrderTask
    from videollama.evaluation.yes_no import YesNoTask

    if name is TaskName.CAPTIONS:
        return CaptionsTask(folder, **arguments)
    return (YesNoTask if name is TaskName.YESNO else OrderTask)(folder, **arguments)


def _sounds(_: TaskName, folder: Path, arguments: dict[str, Any]) -> "Task":
    from videollama.evaluation.sounds import SoundsTask

    return SoundsTask(folder, **arguments)


def _hallucination(_: TaskName, folder: Path, arguments: dict[str, Any]) -> "Task":
    from videollama.evaluation.hallucination import HallucinationTask

    return HallucinationTask(folder, **arguments)


def _answers(_: TaskName, folder: Path, arguments: dict[str, Any]) -> "Task":
    from videollama.cli.own_questions import read_own_questions

    return read_own_questions(folder, **arguments)


def _open_questions(name: TaskName, folder: Path, arguments: dict[str, Any]) -> "Task":
    from videollama.evaluation.open_questions import OpenQuestionsTask

    return OpenQuestionsTask(str(name), folder, **arguments)


def _multiple_choice(name: TaskName, folder: Path, arguments: dict[str, Any]) -> "Task":
    from videollama.evaluation.multiple_choice import MultipleChoiceTask
    from videollama.evaluation.mvbench import read_mvbench
    from videollama.evaluation.video_mme import read_video_mme

    read = read_mvbench if name is TaskName.MVBENCH else read_video_mme
    questions, coverage, source = read(folder, arguments.pop("media", None))
    return MultipleChoiceTask(str(name), source, questions, coverage, **arguments)


def _video_chatgpt(_: TaskName, folder: Path, arguments: dict[str, Any]) -> "Task":
    from videollama.evaluation.video_chatgpt import VideoChatGptTask

    return VideoChatGptTask(folder, **arguments)


def _clip_captions(_: TaskName, folder: Path, arguments: dict[str, Any]) -> "Task":
    from videollama.evaluation.clip_captions import ClipCaptionsTask

    clips, source = captioned_clips(
        folder, arguments.pop("media", None), arguments.pop("split", None)
    )
    return ClipCaptionsTask(clips, source, **arguments)


_OF_THE_RUN = frozenset({"allow_missing", "judge", "judge_model"})
_VIDEOS = frozenset({"media", "allow_missing"})
_JUDGED = _VIDEOS | {"judge", "judge_model"}
_FORMS: dict[TaskName, Form] = {
    TaskName.CAPTIONS: Form(_photos, frozenset({"split"})),
    TaskName.SOUNDS: Form(_sounds, frozenset({"fold", "photos"})),
    TaskName.ORDER: Form(_photos, frozenset({"split"})),
    TaskName.YESNO: Form(_photos, frozenset({"split"})),
    TaskName.HALLUCINATION: Form(_hallucination, frozenset({"split", "fold", "sounds"})),
    TaskName.ANSWERS: Form(_answers, frozenset({"split"})),
    TaskName.MSVD_QA: Form(_open_questions, _JUDGED),
    TaskName.MSRVTT_QA: Form(_open_questions, _JUDGED),
    TaskName.ACTIVITYNET_QA: Form(_open_questions, _JUDGED),
    TaskName.MVBENCH: Form(_multiple_choice, _VIDEOS | {"choice"}),
    TaskName.VIDEO_MME: Form(_multiple_choice, _VIDEOS | {"choice"}),
    TaskName.VIDEO_CHATGPT: Form(_video_chatgpt, _JUDGED),
    TaskName.CLIP_CAPTIONS: Form(_clip_captions, _VIDEOS | {"split"}),
}


def captioned_clips(
    path: Path, media: Path | None, split: str | None
) -> tuple[list["CaptionedClip"], str]:
    """The captions of one split in any format of `videollama data`, by file, and which they are.

    Without a split "test" is taken, else "val", else the only one beside "train".

    Raises:
        DataError: No format fits, an entry is broken, or there are no captions.
    """
    from videollama.evaluation.clip_captions import CaptionedClip
    from videollama.media.data_manifest import choose_part
    from videollama.training.datasets.source import open_source

    def refuse(origin: str, reason: str) -> None:
        raise DataError(f"{path}: {origin} {reason}.")

    source = open_source(path, media)
    samples = [sample for sample in source.samples(refuse) if _is_caption(sample)]
    if not samples:
        raise DataError(f"{path} holds questions, but no captions; name data with captions.")
    counts = Counter(sample.split for sample in samples)
    usual = "test" if "test" in counts else "val"
    chosen = choose_part("split", split, counts, usual, {"train"}, path)
    captions: dict[Any, list[str]] = {}
    for sample in samples:
        if sample.split == chosen:
            captions.setdefault(sample.media[0], []).append(sample.turns[0].answer)
    clips = [
        CaptionedClip(m.kind, m.path, tuple(texts), m.start_seconds, m.end_seconds)
        for m, texts in captions.items()
    ]
    return clips, f"{source.files[0].format.name}, split {chosen}"


def _is_caption(sample: "Sample") -> bool:
    from videollama.training.datasets.record import without_marks

    only = len(sample.media) == 1 and len(sample.turns) == 1
    return only and not without_marks(sample.turns[0].question)
