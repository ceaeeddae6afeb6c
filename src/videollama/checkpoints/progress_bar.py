"""The progress bar of downloads, on the error stream so that results can be piped."""

from collections.abc import Iterator
from contextlib import contextmanager

from videollama.checkpoints.wheels import Progress


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a function that draws (what, done, total); silent where nobody watches."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
    )
    tasks: dict[str, progress.TaskID] = {}
    with progress.Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total)

        yield show
