"""What `videollama eval` shows: progress and the table of figures."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from videollama.cli.language import explain, say
from videollama.cli.terminal import notes

if TYPE_CHECKING:
    from videollama.evaluation.runner import Summary
    from videollama.evaluation.video_folder import Coverage


@contextmanager
def counted(title: str, total: int | None, *, quiet: bool) -> "Iterator[Callable[[int], None]]":
    """A bar that is told how many more are done, on a terminal that wants one."""
    console = notes()
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        line = bar.add_task(title, total=total)
        yield lambda done: bar.advance(line, done)


def print_table(results: "Mapping[str, Summary]", coverage: "Coverage | None") -> None:
    """The figures, a column per run, then what they are based on."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", *map(say, results), box=None)
    first = next(iter(results.values()))
    for name in first.grades:
        table.add_row(explain(f"{name}, of 5"), *(_graded(s, name) for s in results.values()))
    for position, name in enumerate(first.numbers):
        table.add_row(explain(name), *(_number(s, name, position == 0) for s in results.values()))
    table.add_row(say("answers"), *(str(summary.num_answers) for summary in results.values()))
    broken = [str(summary.num_broken) for summary in results.values()]
    table.add_row(say("unreadable files"), *broken)
    if first.judge is not None:
        judged = [summary.judge or {} for summary in results.values()]
        table.add_row(say("verdicts"), *(str(judge.get("verdicts")) for judge in judged))
        table.add_row(say("judge's failures"), *(str(judge.get("failures")) for judge in judged))
    if coverage is not None:
        there = coverage.num_videos - len(coverage.missing)
        share = say("{done} of {total}").format(done=there, total=coverage.num_videos)
        table.add_row(say("videos there"), *(share for _ in results))
    console = Console(highlight=False)
    console.print(table)
    for sentence in first.left_out.values():
        console.print(explain(sentence), markup=False, soft_wrap=True)


def _graded(summary: "Summary", name: str) -> str:
    return f"{summary.grades[name]:.2f}" if name in summary.grades else ""


def _number(summary: "Summary", name: str, is_first: bool) -> str:
    if name not in summary.numbers:
        return ""
    margin = f" ±{summary.margin:.1f}" if is_first else ""
    return f"{summary.numbers[name]:.1f}{margin}"
