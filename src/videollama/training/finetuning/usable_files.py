"""Look at every file before the training: encode and keep it, or at least read its header."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from videollama.errors import DataError, InputError, MediaError
from videollama.media.clip import Clip
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.check import look_at
from videollama.training.datasets.inventory import UNUSABLE
from videollama.training.datasets.record import Medium as File
from videollama.training.datasets.record import Sample
from videollama.training.feature_cache import Progress, Report
from videollama.training.finetuning.clip_features import ClipEncoder
from videollama.training.finetuning.samples import OwnSamples

UNREADABLE = (MediaError, InputError, DataError)
"""What opening a file raises when it cannot be used, unlike a full disk."""

_AT_ONCE = 16


def leave_out_unusable(
    samples: OwnSamples, encoder: ClipEncoder, *, broken: BrokenSamples, report: Report
) -> OwnSamples:
    """Samples all of whose files can be used; the others are counted and named.

    Args:
        samples: What the annotations say.
        encoder: Encodes files that are to be kept and are not yet.
        broken: Counts the samples that are left out.
        report: Told how far it is.

    Raises:
        DataError: Too many samples are left out, or all.
    """
    wrong = _encode(samples.media, encoder, report) if encoder.keeps else _look(samples, report)

    def is_unusable(sample: Sample) -> bool:
        reason = next((wrong[m] for m in sample.media if m in wrong), None)
        if reason is not None:
            broken.add(sample.origin, reason)
        return reason is not None

    return samples.without(is_unusable) if wrong else samples


def _encode(files: Sequence[File], encoder: ClipEncoder, report: Report) -> dict[File, str]:
    """Encode what is not kept yet, opening several files at a time."""
    todo = [file for file in files if not encoder.is_kept(file)]
    if todo:
        report(f"features: {len(todo)} of {len(files)} files, kept in {encoder.folder}")
    wrong: dict[File, str] = {}
    progress = Progress("features", len(todo), report, "files")
    with ThreadPoolExecutor() as pool:
        for some in _parts(todo):
            for file, opened in zip(some, pool.map(lambda f: _open(encoder, f), some), strict=True):
                try:
                    if isinstance(opened, Clip):
                        encoder.keep(opened, file)
                    else:
                        wrong[file] = opened
                except UNREADABLE as error:
                    wrong[file] = str(error).rstrip(".")
            progress.advance(len(some))
    return wrong


def _open(encoder: ClipEncoder, file: File) -> Clip | str:
    """The opened file, or what is wrong with it."""
    try:
        return encoder.open(file, seed=0)
    except UNREADABLE as error:
        return str(error).rstrip(".")


def _look(samples: OwnSamples, report: Report) -> dict[File, str]:
    """Read the header of every file."""
    wrong: dict[File, str] = {}
    files = samples.media
    progress = Progress("files", len(files), report, "looked at")
    with ThreadPoolExecutor() as pool:
        for some in _parts(files):
            states = pool.map(lambda file: look_at(file, decode=False), some)
            for file, state in zip(some, states, strict=True):
                if state.problem in UNUSABLE:
                    wrong[file] = state.reason
            progress.advance(len(some))
    return wrong


def _parts(files: Sequence[File]) -> Iterator[Sequence[File]]:
    for first in range(0, len(files), _AT_ONCE):
        yield files[first : first + _AT_ONCE]
