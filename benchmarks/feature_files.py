"""Kept features read at random, from files or Arrow shards: `python -m benchmarks.feature_files`.

The same rows are written as one safetensors file each, as training keeps them, and as rows of
memory-mapped Arrow files. Rows are those of a video of 8 frames of the built-in model, of the
released family (32 tokens of 768 numbers a frame) and of a sound. All is in the page cache; a row
counts as read when it is a float32 tensor. docs/decisions/0029 draws the conclusion.
"""

import argparse
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from benchmarks.report import report, seconds_of
from videollama.prompts import Medium
from videollama.training.finetuning.clip_features import ClipFeatures, read_kept, write_kept

ROWS_IN_SHARD = 64
SHAPES = {
    "built-in, 8 frames": (8, 81, 1280),
    "released, 8 frames": (8, 32, 768),
    "sound, 8 segments": (8, 1024),
}
MEDIUM = Medium("video", (0.0,) * 8, 10.0, "absent")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    rows: dict[str, list[float]] = {}
    for what, shape in SHAPES.items():
        order = random.Random(0).sample(range(arguments.rows), arguments.rows)
        with tempfile.TemporaryDirectory() as folder:
            readers = {
                "safetensors": as_files(Path(folder), shape, arguments.rows),
                "Arrow": as_shards(Path(folder), shape, arguments.rows),
            }
            for form, read in readers.items():

                def read_all(
                    read: Callable[[int], Tensor] = read, order: list[int] = order
                ) -> None:
                    for row in order:
                        read(row)

                read_all()
                taken = seconds_of(read_all, arguments.repeats)
                rows[f"{what}, {form}"] = [1000.0 * each / arguments.rows for each in taken]
    report(
        "feature_files",
        rows,
        unit="ms a row",
        num_rows=arguments.rows,
        rows_in_shard=ROWS_IN_SHARD,
    )


def as_files(folder: Path, shape: tuple[int, ...], count: int) -> Callable[[int], Tensor]:
    places = [folder / f"{row:02x}"[:2] / f"{row}.safetensors" for row in range(count)]
    for row, place in enumerate(places):
        write_kept(ClipFeatures(MEDIUM, content(shape, row), None), place)

    def read(row: int) -> Tensor:
        frames = read_kept(places[row]).frames
        assert frames is not None
        return frames.float()

    return read


def as_shards(folder: Path, shape: tuple[int, ...], count: int) -> Callable[[int], Tensor]:
    schema = pa.schema([("frames", pa.large_binary()), ("medium", pa.string())])
    tables = []
    for first in range(0, count, ROWS_IN_SHARD):
        place = folder / f"{first}.arrow"
        some = range(first, min(first + ROWS_IN_SHARD, count))
        with pa.OSFile(str(place), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for row in some:
                halves = content(shape, row).half().numpy().tobytes()
                writer.write_batch(pa.record_batch([[halves], ["{}"]], schema=schema))
        tables.append(pa.ipc.open_file(pa.memory_map(str(place))))

    def read(row: int) -> Tensor:
        shard, place = divmod(row, ROWS_IN_SHARD)
        cell = tables[shard].get_batch(place).column(0)[0].as_buffer()
        halves = np.frombuffer(cell, dtype=np.float16).reshape(shape)
        return torch.from_numpy(halves).float()

    return read


def content(shape: tuple[int, ...], row: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(row))


if __name__ == "__main__":
    main()
