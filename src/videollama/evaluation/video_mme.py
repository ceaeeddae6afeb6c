"""Video-MME (C. Fu et al., CVPR 2025): 2,700 questions about videos of three lengths.

It is released as a parquet file. Here its rows are read as JSON, a list or one object per line:
videoID, duration ("short", "medium", "long"), question, options ("A. …") and answer (a letter).
The subtitles are not used.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videollama.errors import DataError
from videollama.evaluation.annotations import find_annotations, read_annotations, value_of
from videollama.evaluation.multiple_choice import LETTERS, ChoiceQuestion, option_texts
from videollama.evaluation.video_folder import Coverage, VideoFolder, with_videos

FILES = ("videomme.jsonl", "videomme.json", "test.jsonl", "test.json")
FIELDS = ("videoID", "duration", "question", "options", "answer")


def read_video_mme(
    folder: Path, media: Path | None
) -> tuple[list[tuple[ChoiceQuestion, Path]], Coverage, str]:
    """The questions whose videos are there, what is missing, and the name of the file.

    Args:
        folder: With the annotations, or their file.
        media: With the videos, named after `videoID`; None: the folder of the annotations.

    Raises:
        DataError: The annotations are not usable.
    """
    if folder.suffix == ".parquet":
        raise DataError(
            f"{folder} is a parquet file; write its rows as JSON lines first, for example with "
            "pandas: read_parquet(…).to_json('videomme.jsonl', orient='records', lines=True)."
        )
    file = find_annotations(folder, FILES)
    entries = read_annotations(file, FIELDS)
    questions = [_read_question(file, number, each) for number, each in enumerate(entries, start=1)]
    videos = VideoFolder(media or file.parent)
    found, coverage = with_videos(questions, lambda question: videos.find([question.video]))
    return found, coverage, file.name


def _read_question(file: Path, number: int, entry: Mapping[str, Any]) -> ChoiceQuestion:
    place = f"{file}, entry {number}"
    options = option_texts(place, entry["options"])
    letter = value_of(entry, "answer").upper()
    if letter not in list(LETTERS[: len(options)]):
        raise DataError(
            f"{place}: the answer {entry['answer']!r} is not one of the letters A to "
            f"{LETTERS[len(options) - 1]}."
        )
    return ChoiceQuestion(
        id=str(entry.get("question_id") or number),
        video=value_of(entry, "videoID"),
        text=value_of(entry, "question"),
        options=options,
        right=LETTERS.index(letter),
        group=value_of(entry, "duration"),
    )
