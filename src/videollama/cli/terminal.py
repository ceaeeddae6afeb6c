"""What the verbs show besides their result: progress and remarks, on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from videollama.cli.language import explain, say

if TYPE_CHECKING:
    from rich.console import Console

    from videollama.inference.answer import Answer


def notes() -> "Console":
    """The console for everything that is not the result."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True, highlight=False)


@contextmanager
def working(what: str, *, quiet: bool) -> Iterator[None]:
    """Shows a spinner with `what` while the block runs, on a terminal that wants one."""
    console = notes()
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(say(what)):
        yield


def padded(text: str, width: int) -> str:
    """Text followed by blanks up to `width` columns; a Chinese character takes two."""
    from rich.cells import cell_len

    return text + " " * (width - cell_len(text))


def right_aligned(text: str, width: int) -> str:
    """Text after blanks, up to `width` columns."""
    from rich.cells import cell_len

    return " " * (width - cell_len(text)) + text


def remark_on(answer: "Answer") -> None:
    """Prints what an answer is based on and how long it took, then its warnings and flags."""
    from rich.markup import escape

    console = notes()
    console.print(f"[dim]{escape(basis(answer))}[/dim]")
    for warning in (*answer.warnings, *(flag.sentence for flag in answer.flags or ())):
        console.print(f"[yellow]{escape(explain(warning))}[/yellow]")
    if answer.flags == ():
        console.print(f"[dim]{escape(say('checked: nothing to flag'))}[/dim]")


def basis(answer: "Answer") -> str:
    """What an answer is based on: "8 frames from 0.0 to 7.0 s · silence · answered in 3.1 s"."""
    parts = []
    for seen in answer.seen:
        if seen.kind == "image":
            parts.append(say("1 picture"))
        else:
            first, last = seen.times_seconds[0], seen.times_seconds[-1]
            noun = "frame" if seen.num_frames == 1 else "frames"
            template = say(f"{{count}} {noun} from {{first:.1f}} to {{last:.1f}} s")
            parts.append(template.format(count=seen.num_frames, first=first, last=last))
        if seen.named_part_seconds is not None:
            parts.append(_named(seen.named_part_seconds))
    words = {
        "present": "{:.1f} s of sound",
        "silent": "silence",
        "absent": "no audio track",
        "undecodable": "an audio track that could not be decoded",
    }
    for heard in answer.heard:
        parts.append(say(words[heard.status]).format(heard.duration_seconds))
        if heard.named_part_seconds is not None and _named(heard.named_part_seconds) not in parts:
            parts.append(_named(heard.named_part_seconds))
    parts.append(say("answered in {:.1f} s").format(answer.timings.total_seconds))
    return " · ".join(parts)


def _named(part_seconds: tuple[float, float]) -> str:
    """Tells that not the whole file was looked at, and why."""
    return say("only {:.1f} to {:.1f} s, which the question names").format(*part_seconds)
