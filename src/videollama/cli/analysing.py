"""What the verbs share that go through a file: looking it over, loading the model, asking."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from videollama.cli.language import say, written
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import notes, working

if TYPE_CHECKING:
    from videollama.applications.analysis import Analysis
    from videollama.inference.engine import VideoLlama
    from videollama.media.overview import Overview


def analysed(
    file: str,
    model: str | None,
    device: str,
    dtype: str,
    *,
    frames: int | None,
    language: str | None,
    quiet: bool,
    no_cache: bool,
) -> "Analysis":
    """Analyses a file; one that cannot be used is told before the model is loaded.

    Args:
        file: As given.
        model: As given by --model.
        device: As given by --device.
        dtype: As given by --dtype.
        frames: As given by --frames.
        language: As given by --language.
        quiet: No progress.
        no_cache: As for `load_assistant`.

    Raises:
        VideoLlamaError: The file or the model cannot be used.
    """
    overview = looked_over(file, quiet=quiet)
    assistant = load_assistant(model, device, dtype, quiet=quiet, no_cache=no_cache)
    speaks = written(language, assistant)
    return analysed_by(assistant, overview, frames=frames, language=speaks, quiet=quiet)


def looked_over(file: str, *, quiet: bool) -> "Overview":
    """Looks a file over, before the model is loaded.

    Raises:
        MediaError: It cannot be used.
    """
    with working("Looking for scenes and sounds", quiet=quiet):
        from videollama.media.overview import look_over

        return look_over(file)


def analysed_by(
    assistant: "VideoLlama",
    overview: "Overview",
    *,
    frames: int | None,
    language: str,
    quiet: bool,
) -> "Analysis":
    """Analyses a file that was looked over, behind a bar."""
    from videollama.applications.analysis import analyze
    from videollama.media.frame_sampling import FrameSampling

    count = FrameSampling.num_frames if frames is None else frames
    with progress_bar("Looking and listening", quiet=quiet) as on_progress:
        return analyze(
            assistant, overview, num_frames=count, language=language, on_progress=on_progress
        )


@contextmanager
def progress_bar(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Draws a bar on a terminal that wants one."""
    console = notes()
    if quiet or not console.is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(say(what), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
