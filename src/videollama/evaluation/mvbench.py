"""MVBench (K. Li et al., CVPR 2024): 20 tasks, a JSON list each, over the videos of 11 data sets.

FOLDER/json/action_sequence.json holds video, question, candidates, answer and for some tasks start
and end in seconds; the videos lie anywhere below FOLDER or the media folder, as they were unpacked.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from videollama.errors import DataError
from videollama.evaluation.annotations import read_annotations, seconds_of, value_of
from videollama.evaluation.multiple_choice import ChoiceQuestion, option_texts
from videollama.evaluation.video_folder import Coverage, VideoFolder, with_videos

FIELDS = ("video", "question", "candidates", "answer")
DATA_SETS = {
    "action_antonym": "ssv2_video",
    "action_count": "perception",
    "action_localization": "sta",
    "action_prediction": "star",
    "action_sequence": "star",
    "character_order": "perception",
    "counterfactual_inference": "clevrer",
    "egocentric_navigation": "vlnqa",
    "episodic_reasoning": "tvqa",
    "fine_grained_action": "Moments_in_Time_Raw",
    "fine_grained_pose": "nturgbd",
    "moving_attribute": "clevrer",
    "moving_count": "clevrer",
    "moving_direction": "clevrer",
    "object_existence": "clevrer",
    "object_interaction": "star",
    "object_shuffle": "perception",
    "scene_transition": "scene_qa",
    "state_change": "perception",
    "unexpected_action": "FunQA_test",
}
"""How the folder with the videos of each task begins; names of videos are unique in one only."""


def read_mvbench(
    folder: Path, media: Path | None
) -> tuple[list[tuple[ChoiceQuestion, Path]], Coverage, str]:
    """The questions whose videos are there, what is missing, and which tasks they are of.

    Args:
        folder: With the tasks' files, or with a folder "json" that holds them; or one such file.
        media: With the videos; None: the folder.

    Raises:
        DataError: No task's file is there, or one is malformed.
    """
    files = [folder] if folder.is_file() else _task_files(folder)
    questions = [question for file in files for question in _read_task(file)]
    videos = VideoFolder(media or (folder.parent if folder.is_file() else folder))

    def find(question: ChoiceQuestion) -> Path | None:
        own = DATA_SETS.get(question.group)
        return videos.find(
            [question.video],
            lambda path: own is None or _data_set_of(path, videos) in (own, None),
        )

    found, coverage = with_videos(questions, find)
    tasks = files[0].stem if len(files) == 1 else f"{len(files)} tasks"
    return [(_whole_if_cut(question, path), path) for question, path in found], coverage, tasks


def _task_files(folder: Path) -> list[Path]:
    for place in (folder / "json", folder):
        files = sorted(place.glob("*.json")) if place.is_dir() else []
        if files:
            return files
    raise DataError(
        f"{folder} holds no JSON files with tasks, nor does a folder 'json' in it; name MVBench's "
        "folder."
    )


def _read_task(file: Path) -> list[ChoiceQuestion]:
    entries = read_annotations(file, FIELDS)
    return [_read_question(file, number, each) for number, each in enumerate(entries, start=1)]


def _read_question(file: Path, number: int, entry: Mapping[str, Any]) -> ChoiceQuestion:
    place = f"{file}, entry {number}"
    candidates = option_texts(place, entry["candidates"])
    answer = value_of(entry, "answer")
    raw = [str(candidate).strip() for candidate in entry["candidates"]]
    if answer not in raw:
        raise DataError(f"{place}: the answer {answer!r} is none of the candidates.")
    return ChoiceQuestion(
        id=f"{file.stem}/{number}",
        video=f"{DATA_SETS.get(file.stem, file.stem)}/{value_of(entry, 'video')}",
        text=value_of(entry, "question"),
        options=candidates,
        right=raw.index(answer),
        group=file.stem,
        start_seconds=seconds_of(entry, "start", place),
        end_seconds=seconds_of(entry, "end", place),
    )


def _data_set_of(path: Path, videos: VideoFolder) -> str | None:
    """The data set that a folder on the way to a video names."""
    for part in path.relative_to(videos.path).parts[:-1]:
        for name in set(DATA_SETS.values()):
            if part == name or part.startswith(f"{name}_"):
                return name
    return None


def _whole_if_cut(question: ChoiceQuestion, path: Path) -> ChoiceQuestion:
    """Videos in folders like "Charades_segment" are cut to the part that is meant."""
    if not path.parent.name.endswith("_segment"):
        return question
    return replace(question, start_seconds=None, end_seconds=None)
