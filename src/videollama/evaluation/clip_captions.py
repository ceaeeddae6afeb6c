"""Task `clip-captions`: one sentence per video or sound, against those of people.

AudioCaps' test split has five captions per sound, WebVid one per video; whoever reads the files
hands them over as `CaptionedClip`s.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from videollama.evaluation.captioning import PICTURE_QUESTION, VIDEO_QUESTION, score_captions
from videollama.evaluation.tasks import Sample, Scores
from videollama.evaluation.video_folder import read_part, with_videos
from videollama.media.clip import Clip, Kind

SOUND_QUESTION = "Describe the sound."
_QUESTIONS: dict[Kind, str] = {
    "video": VIDEO_QUESTION,
    "image": PICTURE_QUESTION,
    "audio": SOUND_QUESTION,
}


@dataclass(frozen=True)
class CaptionedClip:
    """A file, or a part of it, and what people say about it.

    Attributes:
        kind: What it is used as: a video used as "audio" is only heard.
        path: The file; it may not exist.
        captions: At least one.
        start_seconds: Where the part that is meant begins; None: at the beginning.
        end_seconds: Where it ends; None: at the end.
    """

    kind: Kind
    path: Path
    captions: tuple[str, ...]
    start_seconds: float | None = None
    end_seconds: float | None = None

    @property
    def video(self) -> str:
        """The file."""
        return str(self.path)


class ClipCaptionsTask:
    """CIDEr-D, BLEU and METEOR of one sentence per file.

    Args:
        clips: Files with captions.
        source: Which data, for people.
        limit: Number of files, drawn with `seed`; None takes all.
        seed: Of the draw.
        num_frames: Frames of each video.
    """

    name = "clip-captions"
    max_new_tokens = 30

    def __init__(
        self,
        clips: Sequence[CaptionedClip],
        source: str,
        *,
        limit: int | None = None,
        seed: int = 0,
        num_frames: int = 8,
    ) -> None:
        self.source = source
        found, self.coverage = with_videos(clips, lambda c: c.path if c.path.is_file() else None)
        if limit is not None and limit < len(found):
            kept = sorted(random.Random(seed).sample(range(len(found)), limit))
            found = [found[place] for place in kept]
        self.samples = [_sample(clip, num_frames) for clip, _ in found]

    def judge(self, samples: Sequence[Sample], answers: Sequence[str]) -> Scores:
        """Compare the first sentence of each answer with the people's captions."""
        return score_captions(samples, answers)


def _sample(clip: CaptionedClip, num_frames: int) -> Sample:
    part = "" if clip.start_seconds is None else f"@{clip.start_seconds:g}"
    return Sample(
        id=f"{clip.path}{part}",
        question=_QUESTIONS[clip.kind],
        truth=list(clip.captions),
        open_clip=partial(_open, clip, num_frames),
        group=clip.kind,
    )


def _open(clip: CaptionedClip, num_frames: int) -> Clip:
    read = read_part(clip.path, num_frames, clip.start_seconds, clip.end_seconds)
    if clip.kind != "audio" or read.kind == "audio":
        return read
    return replace(read, kind="audio", frames=None, frame_times_seconds=(), frames_per_second=None)
