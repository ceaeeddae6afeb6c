"""Lets lmms-eval measure a model of ours: `lmms-eval --model videollama --tasks …`.

lmms-eval (0.7) finds `manifest` by the entry point "lmms_eval.models" of this package; nothing else
imports this file. Arguments: `--model_args pretrained=FOLDER,num_frames=8,dtype=auto`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lmms_eval.api.model import lmms
from lmms_eval.models.registry_v2 import ModelManifest
from PIL.Image import Image
from rich.console import Console
from rich.progress import track

from videollama.errors import InputError
from videollama.inference.engine import VideoLlama
from videollama.media.audio import SAMPLE_RATE
from videollama.media.clip import Clip
from videollama.media.resampling import resample

MAX_NEW_TOKENS = 96


def manifest() -> ModelManifest:
    """The model under its name on lmms-eval's command line."""
    return ModelManifest("videollama", simple_class_path=f"{__name__}.{LmmsVideoLlama.__name__}")


class LmmsVideoLlama(lmms):  # type: ignore[misc]
    """Answers lmms-eval's questions about videos, pictures and sounds, without chance.

    Args:
        pretrained: Folder or hub name; the built-in model if empty.
        num_frames: Frames of each video.
        device: As for `VideoLlama.load`.
        dtype: As for `VideoLlama.load`.
        batch_size: Not used; questions are asked one after another.
        max_batch_size: Not used.

    Raises:
        VideoLlamaError: As `VideoLlama.load` does.
    """

    def __init__(
        self,
        pretrained: str = "",
        num_frames: int = 8,
        device: str | None = None,
        dtype: str = "auto",
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self._num_frames = int(num_frames)
        self._assistant = VideoLlama.load(pretrained or None, device=device or "auto", dtype=dtype)

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """One answer per request; `max_new_tokens`, `num_beams` and `until` are heeded."""
        shown = track(
            requests,
            description="answers",
            console=Console(stderr=True),
            disable=self.rank != 0,
        )
        return [self._answer(*request.args) for request in shown]

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Tasks that ask for it are not supported; those on videos do not.

        Raises:
            InputError: Always.
        """
        raise InputError("videollama writes answers; choose a task whose output_type is that.")

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[str]:
        """Tasks that ask for it are not supported.

        Raises:
            InputError: Always.
        """
        raise InputError("videollama answers one question at a time; choose another task.")

    def _answer(
        self, question: str, wishes: dict[str, Any], visuals: Any, doc: Any, task: str, split: str
    ) -> str:
        shown = visuals(self.task_dict[task][split][doc]) or []
        media = [_medium(item) for item in (shown if isinstance(shown, list) else [shown])]
        text = self._assistant.ask(
            media,
            question,
            num_frames=self._num_frames,
            max_new_tokens=int(wishes.get("max_new_tokens") or MAX_NEW_TOKENS),
            num_beams=int(wishes.get("num_beams") or 1),
        ).text
        until = wishes.get("until") or []
        for end in [until] if isinstance(until, str) else until:
            text = text.split(end)[0] if end else text
        text = text.strip()
        self.cache_hook.add_partial("generate_until", (question, wishes), text)
        return text


def _medium(item: Any) -> str | Clip:
    """What a task hands over: a path, a picture, or `{"array", "sampling_rate"}` of a sound."""
    if isinstance(item, str | Path):
        return str(item)
    if isinstance(item, Image):
        pixels = torch.frombuffer(bytearray(item.convert("RGB").tobytes()), dtype=torch.uint8)
        frames = pixels.view(1, item.height, item.width, 3)
        return Clip(Path("picture"), "image", frames, (0.0,), audio_status="absent")
    if isinstance(item, dict) and "array" in item:
        samples = torch.as_tensor(item["array"], dtype=torch.float32).reshape(1, -1)
        waveform = resample(samples, int(item["sampling_rate"]), SAMPLE_RATE)
        seconds = waveform.shape[1] / SAMPLE_RATE
        return Clip(
            Path("sound"),
            "audio",
            duration_seconds=seconds,
            waveform=waveform,
            audio_status="present",
        )
    raise InputError(f"{type(item).__name__} is no video, picture or sound.")
