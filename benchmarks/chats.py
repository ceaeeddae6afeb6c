"""Several people at once, and the second question of one: `python -m benchmarks.chats`.

Together, requests go through the scheduler; one by one, each waits for `generate` to finish the one
before, in 8 bits on a CPU as together. The peer is what one has without this package:
transformers' own `generate` in float32, one by one. All find the clip encoded already.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import torch

from benchmarks.report import report
from tests.synthetic import write_clip
from videollama import VideoLlama, read_clip
from videollama.inference.media_store import MediaStore
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.inference.scheduling import Request, Scheduler
from videollama.media.clip import Clip

QUESTIONS = (
    "Describe the video.",
    "What do you see and hear?",
    "What moves, and in which direction does it go?",
    "What is in the picture?",
    "Which sounds are there?",
    "Tell a short story about this clip.",
    "What colour is the thing in the middle?",
    "What could have happened before?",
)
Rows = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--max-new-tokens", type=int, default=32)
    parser.add_argument("--chats", type=int, nargs="+", default=[1, 4, 8, 16])
    arguments = parser.parse_args()
    tokens_per_second: Rows = {}
    seconds: Rows = {}
    with tempfile.TemporaryDirectory() as folder:
        loaded = VideoLlama.load(arguments.model, cache_media=False)
        kept = VideoLlama(loaded.model, loaded.processor, MediaStore(Path(folder) / "media"))
        path = write_clip(
            Path(folder) / "clip.mp4", seconds=8, frames_per_second=25, size=(360, 640)
        )
        clip = read_clip(path, frame_size=kept.processor.frame_size)
        plain = VideoLlama.load(arguments.model, dtype="float32", cache_media=False)
        plain = VideoLlama(plain.model, plain.processor, MediaStore(Path(folder) / "plain"))
        for each in (kept, plain):
            each.ask(clip, QUESTIONS[0], max_new_tokens=arguments.max_new_tokens)
        ways = (
            ("together", _together, kept),
            ("one by one", _one_by_one, kept),
            ("transformers in float32, one by one", _one_by_one, plain),
        )
        for chats in arguments.chats:
            for way, run, assistant in ways:
                name = f"{chats} chats, {way}"
                for _ in range(arguments.repeats):
                    _measure(
                        name,
                        run,
                        (assistant, clip, chats, arguments.max_new_tokens),
                        tokens_per_second,
                        seconds,
                    )
        for limit in (1, arguments.max_new_tokens):
            for _ in range(arguments.repeats):
                _two_questions(loaded, clip, limit, seconds)
    facts = {
        "max_new_tokens": arguments.max_new_tokens,
        "clip": "8 s, 360p, with sound",
        "threads": torch.get_num_threads(),
    }
    report("chats", tokens_per_second, unit="tokens/s", **facts)
    report("chats_waiting", seconds, **facts)


def _measure(
    name: str,
    run: Callable[..., tuple[int, list[float]]],
    wanted: tuple[VideoLlama, Clip, int, int],
    tokens_per_second: Rows,
    seconds: Rows,
) -> None:
    started = perf_counter()
    tokens, first_words = run(*wanted)
    rate = tokens / (perf_counter() - started)
    tokens_per_second.setdefault(name, []).append(rate)
    waited = [moment - started for moment in first_words]
    seconds.setdefault(f"{name}: until the first word", []).extend(waited)


def _together(
    assistant: VideoLlama, clip: Clip, chats: int, max_new_tokens: int
) -> tuple[int, list[float]]:
    """Tokens in all, and when each chat saw its first word."""
    scheduler = Scheduler(
        assistant.model, assistant.processor, max_batch=chats, encoder=assistant.encoder
    )
    words = WordChoice(max_new_tokens=max_new_tokens)
    tickets = [
        scheduler.submit(Request([question_message(question, [clip])], [clip], words))
        for question in _questions(chats)
    ]
    with ThreadPoolExecutor(chats) as readers:
        moments = list(readers.map(_first_moment, tickets))
    tokens = sum(ticket.result().num_new_tokens for ticket in tickets)
    scheduler.close()
    return tokens, moments


def _one_by_one(
    assistant: VideoLlama, clip: Clip, chats: int, max_new_tokens: int
) -> tuple[int, list[float]]:
    """The same with `generate`; a streamed answer does not tell its tokens, so they are counted."""
    tokens, moments = 0, []
    count = assistant.model.language_model.register_forward_hook(lambda *_: counted.append(1))
    for question in _questions(chats):
        counted: list[int] = []
        pieces = assistant.stream(clip, question, max_new_tokens=max_new_tokens)
        moments.append(_first_moment(pieces))
        tokens += len(counted)
    count.remove()
    return tokens, moments


def _two_questions(assistant: VideoLlama, clip: Clip, limit: int, seconds: Rows) -> None:
    conversation = assistant.chat(clip, max_new_tokens=limit)
    for number, question in (("first", QUESTIONS[1]), ("second", QUESTIONS[2])):
        started = perf_counter()
        conversation.ask(question)
        name = f"{number} question of a chat, {limit} tokens at most"
        seconds.setdefault(name, []).append(perf_counter() - started)


def _first_moment(pieces: Iterator[str]) -> float:
    """When the first piece came; waits for the rest."""
    moments = [perf_counter() for _ in pieces]
    return moments[0] if moments else perf_counter()


def _questions(chats: int) -> list[str]:
    return [QUESTIONS[number % len(QUESTIONS)] for number in range(chats)]


if __name__ == "__main__":
    main()
