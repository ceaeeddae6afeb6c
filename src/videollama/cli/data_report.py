"""What `videollama data check` found, as lines for people."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from videollama.cli.language import explain, say
from videollama.cli.terminal import padded, right_aligned

if TYPE_CHECKING:
    from videollama.training.datasets.check import CheckReport
    from videollama.training.datasets.inventory import Found, Spread

_SHOWN = 3


def as_lines(report: "CheckReport") -> list[str]:
    """What was found, for people."""
    read = say("{path}: {format}, {samples} samples, {broken} broken")
    lines = [read.format_map(asdict(file)) for file in report.files]
    unread = say("not read: {path}: {reason}")
    lines += [unread.format(path=p, reason=explain(why)) for p, why in report.unread.items()]
    lines += ["", _head("split", "samples", "media")]
    for name, (samples, media) in report.splits.items():
        lines.append(f"{name:<28}{samples:>10}{media:>10}")
    lines += ["", _head("", "count", "least", "median", "most")]
    for kind, count in report.media.items():
        lines.append(_row(f"{kind} files", count, None))
        if spread := report.seconds.get(kind):
            lines.append(_row("  seconds", spread.count, spread, digits=1))
    lines.append(_row("questions", report.num_turns, None))
    lines.append(_row(f"{report.length_unit} a sample", report.num_samples, report.lengths))
    findings = {
        "broken samples": report.broken,
        **{f"media {kind}": found for kind, found in report.problems.items()},
        "same question, same answer": report.repeated,
        "same question, other answer": report.other_answers,
        "files with equal content": report.equal_files,
        "media in several splits": report.leaks,
    }
    return [
        *lines,
        "",
        *(line for name, found in findings.items() for line in _finding(name, found)),
    ]


def _head(first: str, *others: str) -> str:
    return padded(say(first), 28) + "".join(right_aligned(say(each), 10) for each in others)


def _row(name: str, count: int, spread: "Spread | None", digits: int = 0) -> str:
    numbers = (spread.minimum, spread.median, spread.maximum) if spread else ()
    label = padded(say(name), 28)
    return f"{label}{count:>10}" + "".join(f"{number:>10.{digits}f}" for number in numbers)


def _finding(name: str, found: "Found") -> list[str]:
    shown = [f"    {explain(example)}" for example in found.examples[:_SHOWN]]
    more = found.count - len(shown)
    if shown and more > 0:
        shown.append(say("    … and {} more").format(more))
    return [f"{padded(say(name), 28)}{found.count:>10}", *shown]
