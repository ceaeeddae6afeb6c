"""Look at every file before the training: encode and keep it, or at least read its header."""

from concurrent.futures import ThreadPoolExecutor

from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.check import look_at
from videollama.training.datasets.inventory import UNUSABLE
from videollama.training.datasets.record import Medium as File
from videollama.training.datasets.record import Sample
from videollama.training.feature_cache import Progress, Report
from videollama.training.finetuning.clip_features import ClipEncoder
from videollama.training.finetuning.feature_build import in_parts, keep_missing
from videollama.training.finetuning.samples import OwnSamples


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
    if encoder.keeps:
        wrong = keep_missing(samples.media, encoder, report).broken
    else:
        wrong = _look(samples, report)

    def is_unusable(sample: Sample) -> bool:
        reason = next((wrong[m] for m in sample.media if m in wrong), None)
        if reason is not None:
            broken.add(sample.origin, reason)
        return reason is not None

    return samples.without(is_unusable) if wrong else samples


def _look(samples: OwnSamples, report: Report) -> dict[File, str]:
    """Read the header of every file."""
    wrong: dict[File, str] = {}
    files = samples.media
    progress = Progress("files", len(files), report, "looked at")
    with ThreadPoolExecutor() as pool:
        for some in in_parts(files):
            states = pool.map(lambda file: look_at(file, decode=False), some)
            for file, state in zip(some, states, strict=True):
                if state.problem in UNUSABLE:
                    wrong[file] = state.reason
            progress.advance(len(some))
    return wrong
