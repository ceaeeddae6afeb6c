"""Blocks to workers: the next one to whoever is free; a file that kills its worker costs one row.

block ─▶ a worker ─▶ rows
          └ dies ─▶ the next worker gets the files one by one
                     └ dies twice of the same file ─▶ a row with its error
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from videollama.batch.rows import Row, failed_row
from videollama.errors import BackendError

_STARTS_BEFORE_GIVING_UP = 3


class WorkerDiedError(Exception):
    """A worker's process ended before it answered; the text tells how."""


class Worker(Protocol):
    """A process somewhere that holds a model. Its futures may raise `WorkerDiedError`."""

    def load(self) -> Future[str]:
        """Starts the process, anew after it died, and loads the model; gives its fingerprint."""

    def process(self, paths: Sequence[str]) -> Future[list[Row]]:
        """Makes the rows of files."""


@dataclass(frozen=True)
class Block:
    """Files whose rows are written together.

    Attributes:
        number: Its place in the whole, from 0.
        paths: Its files.
    """

    number: int
    paths: Sequence[str]


@dataclass
class _Lane:
    """A worker with what it is at."""

    worker: Worker
    is_loaded: bool = False
    failed_starts: int = 0
    block: Block | None = None
    pieces: deque[Sequence[str]] = field(default_factory=deque)  # the first is being worked on
    rows: list[Row] = field(default_factory=list)
    deaths: int = 0  # that the first piece has caused by itself

    def take(self, block: Block) -> None:
        self.block, self.rows, self.deaths = block, [], 0
        self.pieces = deque([block.paths])

    def go_on(self) -> Future[Any]:
        return self.worker.process(self.pieces[0]) if self.is_loaded else self.worker.load()

    def answered(self, rows: list[Row]) -> None:
        self.rows += rows
        self.pieces.popleft()
        self.deaths = 0

    def died(self, reason: str) -> None:
        """Forgets the model; splits the files at hand, or gives the single one up."""
        was_loaded, self.is_loaded = self.is_loaded, False
        if not was_loaded:
            self.failed_starts += 1
            if self.failed_starts == _STARTS_BEFORE_GIVING_UP:
                raise BackendError(
                    f"A worker ended while it loaded the model ({reason}); "
                    "its memory may not be enough: use fewer --workers."
                )
            return
        self.deaths += 1
        piece = self.pieces.popleft()
        if len(piece) > 1:
            self.pieces.extendleft([path] for path in reversed(piece))
            self.deaths = 0
        elif self.deaths == 1:
            self.pieces.appendleft(piece)
        else:
            sentence = f"{piece[0]} ended the process that read it, twice ({reason})."
            self.rows.append(failed_row(piece[0], sentence))
            self.deaths = 0


def rows_of_blocks(
    workers: Iterable[Worker], blocks: Iterable[Block], on_model: Callable[[str], None]
) -> Iterator[tuple[Block, list[Row]]]:
    """Hands out blocks and gives their rows, in the order in which they are finished.

    Args:
        workers: Each gets one block at a time.
        blocks: Taken one by one, when a worker is free.
        on_model: Called with the fingerprint of every model that was loaded, before it is used.

    Raises:
        BackendError: Workers die before they work.
        VideoLlamaError: The model cannot be loaded.
    """
    coming = iter(blocks)
    lanes = {lane.go_on(): lane for lane in map(_Lane, workers)}
    while lanes:
        finished, _ = wait(lanes, return_when=FIRST_COMPLETED)
        for future in finished:
            lane = lanes.pop(future)
            done = _advance(lane, future, on_model)
            if not lane.pieces:
                block = next(coming, None)
                if block is not None:
                    lane.take(block)
            if lane.pieces:
                lanes[lane.go_on()] = lane
            if done is not None:
                yield done
        if not any(lane.pieces for lane in lanes.values()):
            return  # what still loads has nothing to do


def _advance(
    lane: _Lane, future: Future[Any], on_model: Callable[[str], None]
) -> tuple[Block, list[Row]] | None:
    """Notes an answer; gives the block that is whole with it."""
    try:
        answer = future.result()
    except WorkerDiedError as error:
        lane.died(str(error))
    else:
        if lane.is_loaded:
            lane.answered(answer)
        else:
            on_model(answer)
            lane.is_loaded, lane.failed_starts = True, 0
    if lane.block is None or lane.pieces:
        return None
    whole, lane.block = (lane.block, lane.rows), None
    return whole
