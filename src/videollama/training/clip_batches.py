"""From composed clips to tensors: packed prompts, features of frames, features of sounds.

Letters: B clips, L packed tokens, N clips with pictures, M clips with sound, T frames, S segments,
P patches.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videollama.errors import CheckpointError
from videollama.processing import VideoLlamaProcessor
from videollama.prompts import Medium, Turn, tokenize_pieces
from videollama.prompts.chatml import CHATML_END, render_chatml
from videollama.prompts.tokenization import common_length, control_token_id, encode_plain_text
from videollama.training.batches import Batches
from videollama.training.branches import Branch, PackedClip, pack_clip, pad_clips
from videollama.training.clip_mixture import BLACK, PICTURE_QUESTION, ClipMixture, ComposedClip
from videollama.training.photo_views import PhotoViews
from videollama.training.questions import ClipFacts
from videollama.training.recipe import ClipsSection
from videollama.training.sound_features import SoundFeatures

BATCHES_SORTED = 4
"""So many batches are sorted by length together: a short clip beside a long one is padding."""


class PromptTree:
    """Lays clips out exactly as they are prompted in use, with the questions as branches.

    Args:
        processor: The model's.
    """

    def __init__(self, processor: VideoLlamaProcessor) -> None:
        self._processor = processor
        self._tokenizer: Any = processor.tokenizer
        self.end_token_id = control_token_id(CHATML_END, self._tokenizer)
        self.pad_token_id = self.end_token_id
        empty = self._ids(Turn("user", ()))
        lines = self._ids(Turn("user", (_medium(ClipFacts("image", (), "absent")),)))
        self.common_ids = empty[: common_length(empty, lines)]
        """What every prompt begins with: the system's sentence and the opening of the question."""

    def pack(self, clip: ComposedClip) -> PackedClip:
        """One clip's prompts as a tree, without what all prompts have in common.

        Raises:
            CheckpointError: The tokenizer does not keep the clip's lines apart from the question.
        """
        medium = _medium(clip.facts)
        prompts = [self._ids(Turn("user", (medium, question.text))) for question in clip.questions]
        prefix = self._prefix(medium)
        starts_alike = prefix[: len(self.common_ids)] == self.common_ids
        if not starts_alike or any(prompt[: len(prefix)] != prefix for prompt in prompts):
            raise CheckpointError(
                "the decoder's tokenizer joins the clip's lines with the question; "
                "this prompt template cannot be trained with it."
            )
        branches = [
            Branch(
                prompt[len(prefix) :],
                [self._answer(a, is_opening=question.is_opening) for a in question.answers],
                question.is_opening,
            )
            for prompt, question in zip(prompts, clip.questions, strict=True)
        ]
        return pack_clip(prefix[len(self.common_ids) :], branches)

    def picture_prompt(self) -> tuple[list[int], list[int]]:
        """Lines and question with which a description of a picture is asked for.

        What all prompts begin with comes before the lines.
        """
        medium = _medium(ClipFacts("image", (), "absent"))
        lines = self._prefix(medium)
        prompt = self._ids(Turn("user", (medium, PICTURE_QUESTION)))
        return lines[len(self.common_ids) :], prompt[len(lines) :]

    def _answer(self, text: str, *, is_opening: bool) -> list[int]:
        ids = encode_plain_text(text, self._tokenizer)
        return ids if is_opening else [*ids, self.end_token_id]

    def _ids(self, turn: Turn) -> list[int]:
        return self._processor.encode_turns([turn])

    def _prefix(self, medium: Medium) -> list[int]:
        """System sentence and the clip's lines: all that stands before the question."""
        pieces = render_chatml([Turn("user", (medium,))], add_generation_prompt=False)
        closing = pieces[-2:]  # the end of the turn and its line break
        kept = pieces[: -len(closing)]
        return tokenize_pieces(kept, self._tokenizer, self._processor.placeholders).input_ids


class ClipBatches(Batches):
    """Batches of composed clips; each follows from seed and number alone.

    Args:
        mixture: Gives the clips.
        tree: Gives their tokens.
        photos: Gives the features of their frames.
        word_shares: Share of the captions of each photo that hold each word, `(photos, W)`; None
            where words are not named.
        sounds: Gives the features of their sounds; None where no clip has one.
        options: The recipe's `clips` section.
        batch_size: Clips per batch.
        length: Number of batches.
        seed: Of the noise.
        noisy: Whether sounds are disturbed (training) or not (validation).
    """

    def __init__(  # noqa: PLR0913
        self,
        mixture: ClipMixture,
        tree: PromptTree,
        photos: PhotoViews,
        sounds: SoundFeatures | None,
        options: ClipsSection,
        *,
        word_shares: Tensor | None = None,
        batch_size: int,
        length: int,
        seed: int,
        noisy: bool = True,
    ) -> None:
        super().__init__(length)
        self._mixture, self._tree, self._photos, self._sounds = mixture, tree, photos, sounds
        self._options, self._noisy, self._seed = options, noisy, seed
        self._batch_size, self._word_shares = batch_size, word_shares
        self._group = -1
        self._sorted: list[tuple[ComposedClip, PackedClip]] = []

    def make(self, number: int) -> dict[str, Any]:
        """Batch `number`."""
        chosen = self._alike(number)
        clips = [clip for clip, _ in chosen]
        packed = pad_clips([tree for _, tree in chosen], self._tree.pad_token_id)
        batch: dict[str, Any] = {**vars(packed), "ids": [self._describe(clip) for clip in clips]}
        seen = [clip for clip in clips if clip.frames]
        if seen:
            batch["frame_features"], batch["pixel_mask"] = self._frames(seen)
            if self._word_shares is not None:
                batch["word_shares"] = torch.stack(
                    [_named_words(clip, self._word_shares) for clip in seen]
                )
            if self._options.reward_weight:
                batch |= _described(seen)
        heard = [clip for clip in clips if clip.sound is not None]
        if heard:
            generator = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
            batch["segment_features"], batch["audio_mask"] = self._segments(heard, generator)
        return batch

    def _alike(self, number: int) -> list[tuple[ComposedClip, PackedClip]]:
        """The clips of a batch: neighbours in length among those of a few batches."""
        group, place = divmod(number, BATCHES_SORTED)
        if group != self._group:
            many = BATCHES_SORTED * self._batch_size
            clips = self._mixture.take(group * many, many)
            packed = [(clip, self._tree.pack(clip)) for clip in clips]
            self._group = group
            self._sorted = sorted(packed, key=lambda pair: len(pair[1].input_ids))
        return self._sorted[place * self._batch_size :][: self._batch_size]

    def _frames(self, clips: Sequence[ComposedClip]) -> tuple[Tensor, Tensor]:
        """Features `(N, T, P, D)` and their mask `(N, T)`."""
        longest = max(len(clip.frames) for clip in clips)
        shape = (len(clips), longest, *self._photos.black.shape)
        features = np.zeros(shape, dtype=np.float16)
        mask = torch.zeros(len(clips), longest, dtype=torch.bool)
        for row, clip in enumerate(clips):
            mask[row, : len(clip.frames)] = True
            for place, (view, photo) in enumerate(clip.frames):
                black = photo == BLACK
                features[row, place] = (
                    self._photos.black if black else self._photos.features(view, photo)
                )
        return torch.from_numpy(features).float(), mask

    def _segments(
        self, clips: Sequence[ComposedClip], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Features `(M, S, D)` and their mask `(M, S)`."""
        if self._sounds is None:
            raise RuntimeError("clips with sound need sounds")
        rows = [self._sounds.features(clip.variant, clip.sound or 0) for clip in clips]
        features = torch.from_numpy(np.stack(rows)).float()
        mask = torch.ones(features.shape[:2], dtype=torch.bool)
        if self._noisy:
            noise = torch.randn(features.shape, generator=generator)
            features = features * (1 + self._options.feature_noise * noise)
            hidden = torch.rand(mask.shape, generator=generator) < self._options.segment_dropout
            hidden[:, 0] = False
            mask &= ~hidden
        return features, mask

    def _describe(self, clip: ComposedClip) -> str:
        """Which files a clip is made of."""
        names = [
            "black" if photo == BLACK else f"{self._photos.photos[photo].path.name}#{view}"
            for view, photo in dict.fromkeys(clip.frames)
        ]
        if clip.sound is not None and self._sounds is not None:
            names.append(f"{self._sounds.sounds[clip.sound].path.name}#{clip.variant}")
        return f"{clip.kind}: {' + '.join(names) or 'silence'}"


def _named_words(clip: ComposedClip, word_shares: Tensor) -> Tensor:
    """Words of the first and of the last frame, `(2, W)`."""
    nothing = torch.zeros(word_shares.shape[1])
    ends = (clip.frames[0][1], clip.frames[-1][1])
    return torch.stack([nothing if photo == BLACK else word_shares[photo] for photo in ends])


def _described(seen: Sequence[ComposedClip]) -> dict[str, Any]:
    """Places of single pictures among the clips with pictures, and their human captions."""
    places = [place for place, clip in enumerate(seen) if clip.kind == "image"]
    references = [seen[place].facts.scenes[0] for place in places]
    return {"pictures": torch.tensor(places, dtype=torch.long), "references": references}


def _medium(facts: ClipFacts) -> Medium:
    """What the prompt says about a clip with these facts."""
    return Medium(
        kind=facts.kind,
        has_picture=facts.kind != "audio",
        audio_status="not_requested" if facts.kind == "image" else facts.audio,
    )
