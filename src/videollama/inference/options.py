"""The keywords of a question: which moments to look at, and how to choose words."""

from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from typing import Any, Literal, TypedDict

from videollama.errors import InputError
from videollama.media.frame_sampling import FrameSampling


class AskOptions(TypedDict, total=False):
    """Every keyword, all optional.

    The model looks at `num_frames` (8) frames, or at `frames_per_second`, only between
    `start_seconds` and `end_seconds`. They are evenly spread, unless `sampling` is "scenes": then
    the file is searched for cuts, and every scene gets some. `max_new_tokens` (96) bounds the
    answer. The likeliest word is taken each time, unless `do_sample` is true or one of
    `temperature` (1.0), `top_p` (0.9) and `seed` (0, which makes the draw repeatable) is given and
    `do_sample` is not. `num_beams` (1; 3 for `caption`) follows so many beginnings of the answer at
    once, and gives the likeliest whole.
    """

    num_frames: int | None
    frames_per_second: float | None
    start_seconds: float | None
    end_seconds: float | None
    sampling: Literal["uniform", "scenes"] | None
    max_new_tokens: int
    do_sample: bool | None
    temperature: float | None
    top_p: float | None
    seed: int | None
    num_beams: int | None


@dataclass(frozen=True)
class WordChoice:
    """How the decoder chooses words.

    Attributes:
        max_new_tokens: The longest answer.
        do_sample: Draw from the distribution instead of taking the likeliest word.
        temperature: Above 1 flattens the distribution, below 1 sharpens it.
        top_p: Only the likeliest words up to this summed probability are drawn.
        seed: The draw is the same for the same seed.
        num_beams: Beams of the search; 1 is none.
    """

    max_new_tokens: int = 96
    do_sample: bool = False
    temperature: float = 1.0
    top_p: float = 0.9
    seed: int = 0
    num_beams: int = 1

    def __post_init__(self) -> None:
        _require(self.max_new_tokens >= 1, "max_new_tokens", self.max_new_tokens, "1 or more")
        fits = 0 < self.temperature < inf
        _require(fits, "temperature", self.temperature, "more than 0 and finite")
        _require(0 < self.top_p <= 1, "top_p", self.top_p, "more than 0 and at most 1")
        _require(0 <= self.seed < 2**63, "seed", self.seed, "from 0 to 2**63 - 1")
        _require(self.num_beams >= 1, "num_beams", self.num_beams, "1 or more")

    def generate_arguments(self) -> dict[str, Any]:
        """Keywords of transformers' `generate`."""
        arguments: dict[str, Any] = {
            "max_new_tokens": self.max_new_tokens,
            "do_sample": self.do_sample,
            "num_beams": self.num_beams,
        }
        if self.do_sample:
            arguments |= {"temperature": self.temperature, "top_p": self.top_p}
        return arguments


def split_options(options: AskOptions) -> tuple[FrameSampling, WordChoice]:
    """Sorts the keywords of a question into moments and words.

    Raises:
        InputError: A keyword is unknown or its value makes no sense.
    """
    known = AskOptions.__annotations__
    for name in options:
        if name not in known:
            nearest = get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(known)}."
            raise InputError(f"{name!r} is not an option of a question; {hint}")
    given = {name: value for name, value in options.items() if value is not None}
    if "sampling" in given:
        given["method"] = given.pop("sampling")
    if {"temperature", "top_p", "seed"} & set(given):
        given.setdefault("do_sample", True)
    moments = {
        name: value for name, value in given.items() if name in FrameSampling.__dataclass_fields__
    }
    words = {name: value for name, value in given.items() if name not in moments}
    return FrameSampling(**moments), WordChoice(**words)  # type: ignore[arg-type]


def _require(holds: bool, name: str, value: float, wanted: str) -> None:
    if not holds:
        raise InputError(f"{name} is {value}, but must be {wanted}.")
