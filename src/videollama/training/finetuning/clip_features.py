"""What the frozen encoders give for a file: computed when it is needed, or once and kept on disk.

    CACHE/training/clips-3f2a…/5b/5b07….safetensors     frames, segments, and the facts as JSON

The folder's name is a digest of the encoders' weights and the recipe's settings; a file's name
one of the path, its size and time, and the part that is meant. Files appear whole or not at all.

Letters: T frames, P rows of a frame and Dv their width, S segments, Da of the audio encoder.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from videollama.checkpoints.atomic_output import new_file
from videollama.checkpoints.cache import cache_folder
from videollama.errors import DataError, MediaError
from videollama.media.clip import Clip
from videollama.media.container import local_file
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.tar_members import state_of
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import VideoLlamaProcessor
from videollama.prompts import Medium, hears
from videollama.training.datasets.record import Medium as File
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.frozen_frames import frozen_fingerprint, frozen_frames


@dataclass(frozen=True)
class ClipFeatures:
    """What a sample shows of one file.

    Attributes:
        medium: What the prompt says about it.
        frames: What the frozen picture parts gave, `(T, P, Dv)`; None where nothing is seen.
        segments: What the audio encoder gave, `(S, Da)`; None where nothing is heard.
    """

    medium: Medium
    frames: Tensor | None
    segments: Tensor | None


class ClipEncoder:
    """Opens files, in several threads at a time, and runs the frozen encoders on them.

    Args:
        model: Whose encoders.
        processor: The model's.
        recipe: How files are shown, and whether features are kept.
    """

    def __init__(
        self,
        model: VideoLlamaForConditionalGeneration,
        processor: VideoLlamaProcessor,
        recipe: FinetuneRecipe,
    ) -> None:
        self._model, self._processor, self._options = model, processor, recipe.samples
        self.keeps = recipe.data.keep_features and recipe.samples.frames == "uniform"
        self.folder = self._folder(recipe) if self.keeps else None
        self._one_at_a_time = Lock()

    def _folder(self, recipe: FinetuneRecipe) -> Path:
        digest = hashlib.sha256(frozen_fingerprint(self._model).encode())
        settings = recipe.samples.model_dump(include={"num_frames", "sound"})
        config = self._model.config
        facts = [config.family, config.max_segments, config.audio_scale, settings]
        digest.update(json.dumps(facts, sort_keys=True).encode())
        chosen = recipe.data.cache
        root = cache_folder() / "training" if chosen is None else Path(chosen)
        return root / f"clips-{digest.hexdigest()[:16]}"

    def is_kept(self, file: File) -> bool:
        """Whether the features of a file are on disk."""
        try:
            place = self._place(file)
        except MediaError:
            return False
        return place is not None and place.exists()

    def num_bytes(self, file: File) -> int:
        """Size of a file's kept features."""
        place = self._place(file)
        return 0 if place is None or not place.exists() else place.stat().st_size

    def features(self, file: File, seed: int) -> ClipFeatures:
        """The features of a file, from disk if they are there.

        Args:
            file: The file, and the part that is meant.
            seed: Of frames that are drawn.

        Raises:
            MediaError: It cannot be read.
            InputError: The part that is meant is not in it.
            DataError: It is another kind of file than the sample says.
        """
        place = self._place(file)
        if place is None:
            return self._encode(self.open(file, seed), file)
        if not place.exists():
            self.keep(self.open(file, seed), file)
        return read_kept(place)

    def keep(self, clip: Clip, file: File) -> None:
        """Encode an opened file and keep what the encoders give; see `features`."""
        if place := self._place(file):
            write_kept(self._encode(clip, file), place)

    def open(self, file: File, seed: int) -> Clip:
        """Decode the frames and the sound that a sample shows; see `features`."""
        clip = read_clip(
            file.path,
            FrameSampling(
                num_frames=self._options.num_frames,
                start_seconds=file.start_seconds,
                end_seconds=file.end_seconds,
                method=self._options.frames,
                headtail_seed=seed,
            ),
            frame_size=self._processor.frame_size,
            want_audio=self._options.sound == "file",
        )
        if file.kind != "audio" and clip.frames is None:
            raise DataError(f"{file.path} has no picture, but is named as {file.kind}")
        if file.kind == "audio" and clip.waveform is None:
            raise DataError(f"{file.path} has no sound that can be read, but is named as audio")
        return clip

    def _encode(self, clip: Clip, file: File) -> ClipFeatures:
        medium = self._processor.medium(clip, file.kind)
        model, device = self._model, self._model.device
        frames = segments = None
        with self._one_at_a_time, torch.no_grad():
            if self._options.sound == "frames":
                pixels = self._processor.media_inputs([clip], [])["pixel_values"].to(device)
                segments = model.encode_frames_as_segments(pixels)[0].cpu()
                return ClipFeatures(medium, None, segments)
            if medium.has_picture:
                pixels = self._processor.media_inputs([clip], [])["pixel_values"].to(device)
                frames = frozen_frames(model, pixels)[0].cpu()
            if hears(self._processor.prompt_template, medium):
                values = self._processor.media_inputs([], [clip])["audio_values"].to(device)
                segments = model.encode_segments(values)[0].cpu()
        if frames is None and segments is None:
            raise DataError(f"{file.path} shows nothing and sounds of nothing to this model")
        return ClipFeatures(medium, frames, segments)

    def _place(self, file: File) -> Path | None:
        if self.folder is None:
            return None
        state = state_of(local_file(file.path))
        facts = [
            str(file.path.absolute()),
            state.size,
            state.mtime_ns,
            file.kind,
            file.start_seconds,
            file.end_seconds,
        ]
        name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.safetensors"


def write_kept(features: ClipFeatures, place: Path) -> None:
    """Keep features in a file, in float16; it appears whole or not at all."""
    tensors = {"frames": features.frames, "segments": features.segments}
    halves = {name: t.half().contiguous() for name, t in tensors.items() if t is not None}
    with new_file(place) as draft:
        save_file(halves, draft, metadata={"medium": json.dumps(asdict(features.medium))})


def read_kept(place: Path) -> ClipFeatures:
    """Features as `write_kept` left them."""
    with safe_open(place, framework="pt") as stored:
        facts = json.loads(stored.metadata()["medium"])
        facts["frame_times_seconds"] = tuple(facts["frame_times_seconds"])
        found = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    return ClipFeatures(Medium(**facts), found.get("frames"), found.get("segments"))
