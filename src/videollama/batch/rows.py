"""The rows of the results: one for each file, whatever became of it.

`path` and `error` are in every table; where `error` is not null, the other columns are.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from videollama.batch.options import BatchOptions
from videollama.errors import VideoLlamaError
from videollama.inference.options import split_options

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

    from videollama.inference.engine import VideoLlama

Row = dict[str, Any]

_MOST_NEW_TOKENS = 48  # one sentence, as `videollama caption` does


def schema_of(task: str) -> "pa.Schema":
    """The columns of a task's table."""
    import pyarrow as pa

    text, number, texts = pa.string(), pa.float64(), pa.list_(pa.string())
    vector = pa.list_(pa.float32())
    statement = pa.struct([("text", text), ("confidence", number)])
    span = [("start_seconds", number), ("end_seconds", number)]
    segment = [("scene", pa.int64()), ("seen", statement), ("heard", statement)]
    told = [("action", text), ("people_count", pa.int64())]
    columns = {
        "caption": [
            ("caption", text),
            ("frame_times_seconds", vector),
            ("audio_status", text),
            ("audio_seconds", number),
            ("warnings", texts),
        ],
        "analyze": [
            ("kind", text),
            ("duration_seconds", number),
            ("frames_per_second", number),
            ("audio_status", text),
            ("num_scenes", pa.int64()),
            ("segments", pa.list_(pa.struct([*span, *segment, *told]))),
            ("sounds", pa.list_(pa.struct([*span, ("name", text), ("confidence", number)]))),
            ("warnings", texts),
        ],
        "embed": [("video", vector), ("audio", vector), ("joint", vector)],
    }
    path = pa.field("path", text, nullable=False)
    return pa.schema([path, pa.field("error", text), *columns[task]])


def failed_row(path: str, error: str) -> Row:
    """The row of a file that could not be used; what is no text is escaped."""
    return {"path": _text(path), "error": _text(error)}


def rows_of(assistant: "VideoLlama", paths: Sequence[str], options: BatchOptions) -> list[Row]:
    """What a model tells of files, in their order; one that cannot be used gives its error.

    Args:
        assistant: A loaded model.
        paths: Files of this machine.
        options: What is done.
    """
    return list(_TASKS[options.task](assistant, paths, options))


def _captions(
    assistant: "VideoLlama", paths: Sequence[str], options: BatchOptions
) -> Iterator[Row]:
    given = {name: value for name, value in options.asked.items() if value is not None}
    asked: dict[str, Any] = {"max_new_tokens": _MOST_NEW_TOKENS, **given}
    for result in assistant.caption(list(paths), question=options.question, **asked):
        if result.answer is None:
            yield failed_row(result.path, result.error or "")
            continue
        heard = next(iter(result.answer.heard), None)
        yield {
            "path": _text(result.path),
            "caption": result.answer.text,
            "frame_times_seconds": [
                time for seen in result.answer.seen for time in seen.times_seconds
            ],
            "audio_status": heard.status if heard else "absent",
            "audio_seconds": heard.duration_seconds if heard else 0.0,
            "warnings": list(result.answer.warnings),
        }


def _analyses(
    assistant: "VideoLlama", paths: Sequence[str], options: BatchOptions
) -> Iterator[Row]:
    from videollama.applications.analysis import analyze

    sampling, _ = split_options(options.asked)
    for path in paths:
        try:
            analysis = analyze(assistant, path, num_frames=sampling.num_frames)
        except VideoLlamaError as error:
            yield failed_row(path, str(error))
        else:
            facts = analysis.to_dict()
            del facts["total_seconds"]
            yield {**facts, "path": _text(path)}


def _vectors(assistant: "VideoLlama", paths: Sequence[str], options: BatchOptions) -> Iterator[Row]:
    sampling, _ = split_options(options.asked)
    for result in assistant.embed(list(paths), sampling=sampling):
        if result.embedding is None:
            yield failed_row(result.path, result.error or "")
            continue
        yield {
            "path": _text(result.path),
            "video": _numbers(result.embedding.video),
            "audio": _numbers(result.embedding.audio),
            "joint": _numbers(result.embedding.vector),
        }


_TASKS: dict[str, Callable[..., Iterator[Row]]] = {
    "caption": _captions,
    "analyze": _analyses,
    "embed": _vectors,
}


def _numbers(vector: "Tensor | None") -> Any:
    return None if vector is None else vector.numpy()


def _text(words: str) -> str:
    """A name in another encoding with its odd bytes escaped; Parquet takes Unicode only."""
    return words.encode("utf-8", "backslashreplace").decode("utf-8")
