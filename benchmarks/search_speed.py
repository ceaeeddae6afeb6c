"""A vector among 100,000 segments, against comparing all: `python -m benchmarks.search_speed`."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmarks.report import report
from videollama.search.model_note import ModelNote
from videollama.search.segment_store import SegmentStore

WIDTH, CONCEPTS, PART = 576, 2000, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    arguments = parser.parse_args()
    draws = np.random.default_rng(0)
    concepts = draws.normal(size=(CONCEPTS, WIDTH)).astype(np.float32)
    vectors = around(concepts, arguments.segments, draws)
    queries = around(concepts, arguments.queries, draws)
    with TemporaryDirectory() as folder:
        store = SegmentStore.create(Path(folder) / "library", ModelNote("synthetic", WIDTH))
        for part in rows_of(vectors):
            store.add_segments(part)
        started = perf_counter()
        store.tidy()
        indexing = perf_counter() - started
        taken, shares = [], []
        for query in queries:
            nearest = np.argpartition(-(vectors @ query), 10)[:10]
            started = perf_counter()
            found = store.find_vector("picture_vector", query, ["id"], 10)
            taken.append(1000 * (perf_counter() - started))
            shares.append(len({row["id"] for row in found} & {str(n) for n in nearest}) / 10)
    recall = sum(shares) / len(shares)
    print(f"recall@10 against comparing all: {recall:.4f}; index made in {indexing:.1f} s")
    rows = {f"{arguments.segments} segments, 10 nearest": taken}
    report("search_speed", rows, unit="ms", recall_at_10=recall, indexing_seconds=indexing)


def around(concepts: np.ndarray, count: int, draws: np.random.Generator) -> np.ndarray:
    """Vectors of length 1, `(count, D)`, each near one of the concepts."""
    chosen = concepts[draws.integers(len(concepts), size=count)]
    vectors = chosen + draws.normal(size=chosen.shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def rows_of(vectors: np.ndarray) -> Iterator[list[dict[str, object]]]:
    """Rows that hold nothing but a vector."""
    for first in range(0, len(vectors), PART):
        yield [
            {
                "id": str(number),
                "content": str(number),
                "kind": "image",
                "start_seconds": 0.0,
                "end_seconds": 0.0,
                "text": "",
                "picture_vector": vectors[number],
            }
            for number in range(first, min(first + PART, len(vectors)))
        ]


if __name__ == "__main__":
    main()
