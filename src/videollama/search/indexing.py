"""A folder into a library: what is new is looked at and listened to, the rest only compared.

files of the folder ── same size and time as before ──────────────────────────▶ unchanged
                    └─ SHA-256 ── a content that is known ────────────────────▶ moved, or a copy
                               └─ a new one: understand_segments, encode ─────▶ added
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from videollama.errors import InputError, MediaError
from videollama.inference.embedding import pooled
from videollama.inference.segments import UnderstoodSegment, understand_segments
from videollama.inference.sound_name import sound_name
from videollama.media.overview import Overview, look_over
from videollama.media.suffixes import media_files
from videollama.media.thumbnails import thumbnail
from videollama.search.segment_store import SegmentStore
from videollama.search.table_schemas import FileRecord

if TYPE_CHECKING:
    import numpy as np

    from videollama.inference.engine import VideoLlama
    from videollama.media.clip import Clip
    from videollama.search.joint_vectors import JointVectors

_FILES_BETWEEN_TIDYING = 500
_BLOCK_BYTES = 1 << 20


@dataclass
class IndexReport:
    """What became of the files of a folder.

    Attributes:
        added: Files that are new or were changed.
        moved: Files that lay elsewhere in the folder before.
        unchanged: Files that were there before.
        removed: Files that are gone, and so are their segments.
        failed: Why files could not be used, by path.
        segments: Segments in the whole library.
    """

    added: int = 0
    moved: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    segments: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers and strings, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Progress:
    """How far indexing is.

    Attributes:
        path: The file at hand.
        done: Files that were dealt with before.
        total: All files of the folder.
        segments_done: Segments of the file at hand that were understood.
        segments_total: All its segments; 0 while they are not known.
        error: Why the file could not be used, once that is known.
    """

    path: Path
    done: int
    total: int
    segments_done: int = 0
    segments_total: int = 0
    error: str | None = None


OnProgress = Callable[[Progress], None]


def index_folder(
    assistant: "VideoLlama",
    store: SegmentStore,
    folder: Path,
    *,
    joint: "JointVectors | None" = None,
    num_frames: int = 8,
    on_progress: OnProgress = lambda _: None,
) -> IndexReport:
    """Makes a library hold what a folder holds; other folders' files in it stay as they are.

    It may be stopped at any moment: whole files are added one by one, and the next run goes on.

    Args:
        assistant: The model that the library was made with.
        store: The library.
        folder: Searched with the folders inside it.
        joint: Makes the vectors, where the model is a released one.
        num_frames: Frames to look at in each segment.
        on_progress: Told of every file when it begins, and of its segments.

    Raises:
        InputError: There is no such folder, it holds no media, or another process is writing.
        OutputError: The library cannot be written.
    """
    folder, paths = library_files(folder)
    with store.only_writer():
        return _Indexing(assistant, store, folder, joint, num_frames, on_progress).run(paths)


def library_files(folder: Path) -> tuple[Path, list[Path]]:
    """The folder without detours, and its media files.

    Raises:
        InputError: There is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name the one that holds the media.")
    folder = folder.resolve()
    return folder, media_files(folder)


class _Indexing:
    """One run over a folder."""

    def __init__(
        self,
        assistant: "VideoLlama",
        store: SegmentStore,
        folder: Path,
        joint: "JointVectors | None",
        num_frames: int,
        on_progress: OnProgress,
    ) -> None:
        self._assistant, self._store, self._folder = assistant, store, folder
        self._joint = joint
        self._num_frames, self._on_progress = num_frames, on_progress
        self._report = IndexReport()
        self._records = store.files()
        self._contents = store.contents()

    def run(self, paths: list[Path]) -> IndexReport:
        """Deals with every file, then with those that are gone."""
        store, report = self._store, self._report
        gone = self._gone(paths)
        if not paths and not gone:
            raise InputError(
                f"There is no video, picture or sound file in the folder {self._folder}."
            )
        for number, path in enumerate(paths):
            self._on_progress(Progress(path, number, len(paths)))
            try:
                self._deal_with(path, gone, number, len(paths))
            except (MediaError, InputError) as error:
                self._fail(path, str(error), number, len(paths))
        store.remove_files(sorted(gone))
        report.removed = len(gone)
        used = {record.content for record in store.files().values()}
        store.remove_contents(sorted(store.contents() - used))
        store.tidy()
        report.segments = store.num_segments
        return report

    def _gone(self, paths: list[Path]) -> dict[str, str]:
        """Files of the folder that are not there any more, and their contents."""
        there = {str(path) for path in paths}
        return {
            path: record.content
            for path, record in self._records.items()
            if path not in there and Path(path).is_relative_to(self._folder)
        }

    def _deal_with(self, path: Path, gone: dict[str, str], done: int, total: int) -> None:
        name, report = _storable(path), self._report
        with _reading(path):
            state = path.stat()
        before = self._records.get(name)
        facts = (state.st_size, state.st_mtime_ns)
        if before and before.content in self._contents and facts == _facts(before):
            report.unchanged += 1
            return
        with _reading(path):
            record = FileRecord(name, _sha256(path), *facts)
        if record.content not in self._contents:
            self._understand(path, record.content, done, total)
            self._contents.add(record.content)
            report.added += 1
            if report.added % _FILES_BETWEEN_TIDYING == 0:
                self._store.tidy()
        elif before and before.content == record.content:
            report.unchanged += 1
        elif former := next((old for old in gone if gone[old] == record.content), None):
            del gone[former]
            self._store.remove_files([former])
            report.moved += 1
        else:
            report.added += 1
        self._store.put_files([record])

    def _fail(self, path: Path, error: str, done: int, total: int) -> None:
        """Counts and names a file; what it held before it broke is not found any more."""
        self._report.failed[str(path)] = error
        if str(path) in self._records:
            self._store.remove_files([str(path)])
        self._on_progress(Progress(path, done, total, error=error))

    def _understand(self, path: Path, content: str, done: int, total: int) -> None:
        def tell(segments_done: int, segments_total: int) -> None:
            self._on_progress(Progress(path, done, total, segments_done, segments_total))

        overview = look_over(path)
        understood = understand_segments(
            self._assistant, overview, num_frames=self._num_frames, on_progress=tell
        )
        rows = [
            {"id": f"{content}:{number}", "content": content, **row}
            for number, row in enumerate(_rows(self._assistant, self._joint, overview, understood))
        ]
        if not any(row["video_tokens"] or row["audio_tokens"] for row in rows):
            raise MediaError(f"{path} holds nothing that this model sees or hears.")
        self._store.add_segments(rows)


def _rows(
    assistant: "VideoLlama",
    joint: "JointVectors | None",
    overview: Overview,
    understood: Iterator[UnderstoodSegment],
) -> Iterator[dict[str, Any]]:
    """What is kept of every segment."""
    for each in understood:
        caption = each.seen.text if each.seen else None
        heard = sound_name(each.heard.text) if each.heard else None
        video, audio = encoded_tokens(assistant, each.picture, each.sound)
        picture = each.picture
        if joint is None:
            vectors = (vector_of(video), vector_of(audio))
        else:
            vectors = joint.of_segment(picture, each.sound)
        yield {
            "kind": overview.kind,
            "start_seconds": each.span.start,
            "end_seconds": each.span.end,
            "caption": caption,
            "heard": heard,
            "text": " ".join(part for part in (caption, heard) if part),
            "frame_times_seconds": picture.frame_times_seconds if picture else None,
            "picture_vector": vectors[0],
            "sound_vector": vectors[1],
            "video_tokens": None if video is None else _as_bytes(video),
            "audio_tokens": None if audio is None else _as_bytes(audio),
            "thumbnail": thumbnail(picture, overview.frame_size),
        }


def encoded_tokens(
    assistant: "VideoLlama", picture: "Clip | None", sound: "Clip | None"
) -> tuple[Tensor | None, Tensor | None]:
    """What the decoder reads of a picture, `(Qv, D)`, and of a sound, `(Qa, D)`."""
    clips = [clip for clip in (picture, sound) if clip is not None]
    if not clips:
        return None, None
    content = [{"type": clip.kind, "clip": number} for number, clip in enumerate(clips)]
    encoded = assistant.encoder.encode([{"role": "user", "content": content}], clips)
    video, audio = encoded.video_embeds, encoded.audio_embeds
    return None if video is None else video[0], None if audio is None else audio[0]


def vector_of(tokens: Tensor | None) -> "np.ndarray | None":
    """What is compared of a picture's or a sound's tokens `(Q, D)`: float32 `(D,)` of length 1."""
    return None if tokens is None else pooled(tokens).cpu().numpy()


def _as_bytes(tokens: Tensor) -> bytes:
    """Tokens as float16: 28 tokens of 576 numbers take 32 kB."""
    return tokens.to("cpu", torch.float16).numpy().tobytes()


def _storable(path: Path) -> str:
    """The path as text.

    Raises:
        InputError: It holds bytes that are no text.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        raise InputError(f"{shown} has a name that is not UTF-8; rename the file.") from None
    return str(path)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns the operating system's refusals into one sentence."""
    try:
        yield
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror}.") from error


def _facts(record: FileRecord) -> tuple[int, int]:
    return record.num_bytes, record.modified_ns


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
