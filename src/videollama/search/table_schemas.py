"""The columns of a library's tables."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class FileRecord:
    """A file as it was when it was put into the library.

    Attributes:
        path: Its absolute path.
        content: SHA-256 of its bytes, in hexadecimal.
        num_bytes: Its size.
        modified_ns: When it was changed last, in nanoseconds since 1970.
    """

    path: str
    content: str
    num_bytes: int
    modified_ns: int


FILES_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
        pa.field("num_bytes", pa.int64(), nullable=False),
        pa.field("modified_ns", pa.int64(), nullable=False),
    ]
)


def segments_schema(width: int) -> pa.Schema:
    """The columns of a segment, for vectors of a width."""
    vector = pa.list_(pa.float32(), width)
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("content", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("start_seconds", pa.float64(), nullable=False),
            pa.field("end_seconds", pa.float64(), nullable=False),
            pa.field("caption", pa.string()),
            pa.field("heard", pa.string()),
            pa.field("text", pa.string(), nullable=False),
            pa.field("frame_times_seconds", pa.list_(pa.float32())),
            pa.field("picture_vector", vector),
            pa.field("sound_vector", vector),
            pa.field("video_tokens", pa.binary()),
            pa.field("audio_tokens", pa.binary()),
            pa.field("thumbnail", pa.binary()),
        ]
    )
