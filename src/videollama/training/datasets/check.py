"""Read a whole data set, look at every file it names, and tell what was found."""

import errno
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from videollama.errors import DataError, MediaError
from videollama.media.header import MediaHeader, read_header
from videollama.media.tar_members import state_of
from videollama.training.datasets.inventory import (
    UNUSABLE,
    Found,
    Inventory,
    MediaState,
    ProblemKind,
    Spread,
    open_inventory,
)
from videollama.training.datasets.record import Medium, Sample, without_marks
from videollama.training.datasets.source import DataSource, read_samples

_DECODED_SIZE = (224, 224)  # what the released models see
MOST_EXAMPLES = 1000
"""So many cases of each finding are named; all are counted."""


@dataclass(frozen=True)
class CheckedFile:
    """A file with samples: how many it holds, and how many entries are none."""

    path: Path
    format: str
    samples: int
    broken: int


@dataclass(frozen=True)
class CheckReport:
    """What a data set holds and what is wrong with it.

    Attributes:
        files: Where the samples stand.
        unread: Other files, and why they were not read.
        media_folder: Where the media were sought.
        splits: Samples and media files by split.
        media: Files by kind.
        num_turns: Questions with answers.
        seconds: Lengths of videos and sounds, by kind.
        lengths: Lengths of the samples' texts, in `length_unit`.
        length_unit: "tokens" or "words".
        broken: Entries that are no sample.
        problems: Media that cannot be used; those that are only "damaged" can.
        repeated: Same media, question and answer as another sample.
        other_answers: Same media and question, another answer.
        equal_files: Files with the content of another one.
        leaks: Media in more than one split.
        num_unusable: Broken entries, and samples one of whose media cannot be used.
    """

    files: tuple[CheckedFile, ...]
    unread: dict[str, str]
    media_folder: Path
    splits: dict[str, tuple[int, int]]
    media: dict[str, int]
    num_turns: int
    seconds: dict[str, Spread]
    lengths: Spread | None
    length_unit: str
    broken: Found
    problems: dict[ProblemKind, Found]
    repeated: Found
    other_answers: Found
    equal_files: Found
    leaks: Found
    num_unusable: int

    @property
    def num_samples(self) -> int:
        """Samples that were read, those with unusable media included."""
        return sum(file.samples for file in self.files)

    def to_dict(self) -> dict[str, Any]:
        """Everything with names and units, for scripts."""
        facts = asdict(self)
        facts["files"] = [{**asdict(file), "path": str(file.path)} for file in self.files]
        facts["media_folder"] = str(self.media_folder)
        facts["splits"] = {
            name: {"samples": samples, "media": media}
            for name, (samples, media) in self.splits.items()
        }
        return {"num_samples": self.num_samples, **facts}


@dataclass
class _Broken:
    """Counts all broken entries and keeps the first."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, origin: str, reason: str) -> None:
        self.count += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(f"{origin}: {reason}")


def check(
    source: DataSource,
    *,
    count_length: Callable[[str], int],
    length_unit: str,
    decode: bool,
    progress: Callable[[str, int], None],
) -> CheckReport:
    """Read everything.

    Args:
        source: The data set.
        count_length: Gives the length of a text.
        length_unit: What it counts, "tokens" or "words".
        decode: Also decode some frames and the sound of each file.
        progress: Told what is done, and of how many so far.

    Raises:
        DataError: A file cannot be read or holds no sample, or no medium is there.
    """
    with open_inventory() as inventory:
        broken = _Broken()
        files, num_unusable, done = [], 0, 0
        for file in source.files:
            already, samples = broken.count, 0
            for sample in read_samples(file, source.media, broken.add):
                states = inventory.add(
                    sample, count_length(_text(sample)), lambda medium: look_at(medium, decode)
                )
                if any(state.problem in UNUSABLE for state in states):
                    num_unusable += 1
                elif beyond := _part_beyond_end(sample, states):
                    broken.add(sample.origin, beyond)
                samples, done = samples + 1, done + 1
                progress("samples read", done)
            here = broken.count - already
            if samples == 0:
                first = "; the first: ".join(["", *broken.examples[already : already + 1]])
                raise DataError(f"{file.path} holds no sample, but {here} broken entries{first}.")
            files.append(CheckedFile(file.path, file.format.name, samples, here))
        _require_media(inventory, source.media)
        inventory.finish(lambda number: progress("files compared", number))
        return _report(
            inventory, source, tuple(files), broken, num_unusable, length_unit=length_unit
        )


def look_at(medium: Medium, decode: bool) -> MediaState:
    """Look at a file: its header, or also what training would get of it.

    Args:
        medium: The file, and what it is used as.
        decode: Decode eight frames and the sound.
    """
    try:
        size = state_of(medium.path).size
    except (OSError, ValueError) as error:
        absent = isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR)
        reason = f"{medium.path} does not exist" if absent else f"{medium.path}: {error}"
        return MediaState(problem="missing" if absent else "unreadable", reason=reason)
    if size == 0:
        return MediaState(problem="empty", reason=f"{medium.path} has zero bytes")
    try:
        header = read_header(medium.path)
        warnings = _decoded_warnings(medium) if decode else ()
    except MediaError as error:
        return MediaState(size, None, "unreadable", str(error).rstrip("."))
    if wrong := _other_kind(medium, header):
        return MediaState(size, None, "of another kind", f"{medium.path} {wrong}")
    seconds = header.duration_seconds if medium.kind != "image" else None
    if warnings:
        return MediaState(size, seconds, "damaged", f"{medium.path}: {'; '.join(warnings)}")
    return MediaState(size, seconds)


def _decoded_warnings(medium: Medium) -> tuple[str, ...]:
    from videollama.media.decode import read_clip
    from videollama.media.frame_sampling import FrameSampling

    return read_clip(medium.path, FrameSampling(), frame_size=_DECODED_SIZE).warnings


def _other_kind(medium: Medium, header: MediaHeader) -> str:
    if medium.kind == "audio":
        return "" if header.has_sound else "has no sound, but is named as audio"
    if not header.has_picture:
        return f"has no picture, but is named as {medium.kind}"
    return ""


def _part_beyond_end(sample: Sample, states: list[MediaState]) -> str:
    for medium, state in zip(sample.media, states, strict=True):
        start = medium.start_seconds
        if start is not None and state.seconds is not None and start >= state.seconds:
            return f"begins at {start} s, but {medium.path} ends at {state.seconds:.1f} s"
    return ""


def _text(sample: Sample) -> str:
    """All that is said, without the marks of media."""
    spoken = [sample.system]
    for turn in sample.turns:
        spoken += [without_marks(turn.question), turn.answer]
    return "\n".join(filter(None, spoken))


def _require_media(inventory: Inventory, folder: Path) -> None:
    missing = inventory.problems("missing", 1)
    total = sum(inventory.media_counts().values())
    if missing.count == total:
        raise DataError(
            f"None of {total} media files is below {folder}; the first: {missing.examples[0]}. "
            "Name the folder that holds them with --media."
        )


def _report(
    inventory: Inventory,
    source: DataSource,
    files: tuple[CheckedFile, ...],
    broken: _Broken,
    num_unusable: int,
    *,
    length_unit: str,
) -> CheckReport:
    media = inventory.media_counts()
    durations = {kind: inventory.durations(kind) for kind in media if kind != "image"}
    return CheckReport(
        files=files,
        unread={str(path): reason for path, reason in source.unread.items()},
        media_folder=source.media,
        splits=inventory.split_counts(),
        media=media,
        num_turns=inventory.num_turns(),
        seconds={kind: spread for kind, spread in durations.items() if spread is not None},
        lengths=inventory.lengths(),
        length_unit=length_unit,
        broken=Found(broken.count, tuple(broken.examples)),
        problems={kind: inventory.problems(kind, MOST_EXAMPLES) for kind in get_args(ProblemKind)},
        repeated=inventory.repeated_questions(MOST_EXAMPLES, same_answer=True),
        other_answers=inventory.repeated_questions(MOST_EXAMPLES, same_answer=False),
        equal_files=inventory.equal_files(MOST_EXAMPLES),
        leaks=inventory.leaks(MOST_EXAMPLES),
        num_unusable=broken.count + num_unusable,
    )
