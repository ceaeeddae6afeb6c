"""From clips to what the decoder reads: each is encoded once, or not at all if it is known.

A clip is known by what the encoders would get: its decoded frames or its waveform, the weights
and settings that turn them into tokens, and the kind of device.
"""

import hashlib
import json
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import BatchFeature

from videollama import __version__
from videollama.inference.generation import EncodedMedia, encode_media
from videollama.inference.media_store import MediaStore
from videollama.media.clip import Clip

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor

# What the tokens of media do not depend on, or what says nothing about them.
_OTHER_SETTINGS = (
    "text_config",
    "prompt_template",
    "languages",
    "transformers_version",
    "_name_or_path",
)
_SAMPLED_VALUES = 4096


class MediaEncoder:
    """Encodes the clips of conversations.

    Args:
        model: The network, on its device. Its encoders may not change any more.
        processor: What turns clips into its inputs.
        store: Where tokens are kept and found; `None` encodes everything anew, as it is where
            encoders are read from disk part by part, because their weights cannot be told apart.
    """

    def __init__(
        self,
        model: "VideoLlamaForConditionalGeneration",
        processor: "VideoLlamaProcessor",
        store: MediaStore | None = None,
    ) -> None:
        self.model, self.processor = model, processor
        on_disk = any(tensor.is_meta for _, tensor in _encoder_weights(model))
        self.store = None if on_disk else store
        self._identity: bytes | None = None

    def encode(self, messages: Sequence[Any], clips: Sequence[Clip]) -> EncodedMedia:
        """The tokens of all clips that conversations show, in the order of their placeholders.

        Args:
            messages: One conversation or a list of them, as for the processor.
            clips: What the numbers in `messages` refer to.

        Raises:
            InputError: As the processor does.
        """
        started = perf_counter()
        seen, heard = self.processor.shown_clips(messages, clips)
        picture_keys = [self._key("video", clip, clip.frames) for clip in seen]
        sound_keys = [self._key("audio", clip, clip.waveform) for clip in heard]
        known = self._known([*picture_keys, *sound_keys])
        new_pictures = _without(known, picture_keys, seen)
        new_sounds = _without(known, sound_keys, heard)
        inputs = self.processor.media_inputs(list(new_pictures.values()), list(new_sounds.values()))
        prepared = perf_counter()
        encoded = encode_media(self.model, BatchFeature(inputs))
        self._keep(list(new_pictures), encoded.video_embeds, known)
        self._keep(list(new_sounds), encoded.audio_embeds, known)
        return EncodedMedia(
            video_embeds=_stacked([known[key] for key in picture_keys]),
            audio_embeds=_stacked([known[key] for key in sound_keys]),
            prepare_seconds=prepared - started,
            see_seconds=encoded.see_seconds,
            hear_seconds=encoded.hear_seconds,
        )

    def _known(self, keys: Sequence[str]) -> dict[str, Tensor]:
        if self.store is None:
            return {}
        found = {key: self.store.get(key) for key in dict.fromkeys(keys)}
        device = self.model.device
        return {key: tokens.to(device) for key, tokens in found.items() if tokens is not None}

    def _keep(self, keys: Sequence[str], tokens: Tensor | None, known: dict[str, Tensor]) -> None:
        """Adds the tokens `(N, Q, D)` of N new clips to what is known, here and on disk."""
        if tokens is None:
            return
        for key, each in zip(keys, tokens, strict=True):
            known[key] = each
            if self.store is not None:
                self.store.put(key, each)

    def _key(self, kind: str, clip: Clip, content: Tensor | None) -> str:
        """Tells clips apart: by their content where they are kept, else by the object it is."""
        if content is None:
            return f"{kind} {id(clip)}"
        if self.store is None:
            return f"{kind} {id(content)}"
        if self._identity is None:
            self._identity = _identity_of(self.model)
        digest = hashlib.sha256(self._identity)
        digest.update(f"{kind} {tuple(content.shape)} {content.dtype}".encode())
        digest.update(content.contiguous().numpy().data)
        return digest.hexdigest()


def _without(
    known: dict[str, Tensor], keys: Sequence[str], clips: Sequence[Clip]
) -> dict[str, Clip]:
    """The clips whose tokens are not known, each once."""
    return {key: clip for key, clip in zip(keys, clips, strict=True) if key not in known}


def _stacked(tokens: Sequence[Tensor]) -> Tensor | None:
    return torch.stack(list(tokens)) if tokens else None


def _identity_of(model: "VideoLlamaForConditionalGeneration") -> bytes:
    """A digest of all that turns a clip into tokens: settings, weights, device, our own version."""
    settings = model.config.to_dict()
    kept = {name: settings[name] for name in settings.keys() - set(_OTHER_SETTINGS)}
    facts = [__version__, model.device.type, json.dumps(kept, sort_keys=True, default=str)]
    digest = hashlib.sha256("\n".join(facts).encode())
    for name, tensor in _encoder_weights(model):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(_summary(tensor))
    return digest.digest()


def _encoder_weights(model: "VideoLlamaForConditionalGeneration") -> list[tuple[str, Tensor]]:
    """All weights but the decoder's, by name."""
    weights = sorted(model.state_dict().items())
    return [(name, each) for name, each in weights if not name.startswith("language_model.")]


def _summary(tensor: Tensor) -> bytes:
    """The exact sum of a tensor's bits and a sample of them: a digest of them all is slow.

    Integers are summed, so neither the number of threads nor the device changes the sum.
    """
    flat = tensor.detach().flatten()
    words = flat.view(torch.int16 if flat.element_size() % 2 == 0 else torch.uint8)
    sample = words[:: max(1, words.numel() // _SAMPLED_VALUES)].cpu()
    return int(words.sum(dtype=torch.int64)).to_bytes(8, signed=True) + sample.numpy().tobytes()
