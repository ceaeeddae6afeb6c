"""From a sample and the facts about its media to tokens and labels, by the model's own prompts.

The released families are written as the original's training wrote them (`labels.py`); all other
templates as they are in use, where the answers and what ends them are learned.
"""

import random
import re
from collections.abc import Iterator, Sequence

from videollama.errors import DataError, RecipeError
from videollama.processing import VideoLlamaProcessor, longest_context
from videollama.prompts import Medium, Piece, Turn, hears, render, tokenize_pieces
from videollama.prompts.released import medium_pieces
from videollama.training.datasets.record import MARKS, Sample, without_marks
from videollama.training.datasets.record import Medium as File
from videollama.training.finetune_recipe import SamplesSection
from videollama.training.labels import (
    IGNORED,
    IMAGE_MARK,
    LabelledTokens,
    LabelRules,
    MediumPiece,
    caption_labels,
    image_question,
    llama_2_labels,
    vicuna_labels,
    video_question,
)

_VICUNA_FORM = ("vicuna", "billa", "ziya")
_RELEASED = (*_VICUNA_FORM, "llama_2")
_UNSUPERVISED = ("billa_native", "ziya_native")
_MARK = re.compile("(" + "|".join(MARKS.values()) + ")")
_REQUESTS = {
    "video": "Describe the video.",
    "image": "Describe the picture.",
    "audio": "What do you hear?",
}
_STAGE_1_END = "\n"


class SamplePrompts:
    """Writes samples down for one model.

    Args:
        processor: The model's.
        options: The recipe's `samples` section.
        seed: Of the choice among the caption prompts.

    Raises:
        RecipeError: The model's prompt template cannot be trained with.
    """

    def __init__(
        self, processor: VideoLlamaProcessor, options: SamplesSection, seed: int = 0
    ) -> None:
        template = processor.prompt_template
        if template in _UNSUPERVISED:
            raise RecipeError(
                f"The prompt template {template} is for answers only; train with "
                f"{template.removesuffix('_native')}, the form that Video-LLaMA trained."
            )
        self._processor, self._options, self._seed = processor, options, seed
        self._template = template
        self._rules = LabelRules(
            processor.tokenizer,
            processor.placeholders,
            original_masks=options.original_masks,
            max_tokens=min(options.max_tokens, longest_context(processor.config)),
        )

    @property
    def pad_token_id(self) -> int:
        """What rows are filled up with; it is masked."""
        tokenizer = self._processor.tokenizer
        return int(tokenizer.pad_token_id or tokenizer.eos_token_id or 0)

    def is_seen(self, medium: Medium) -> bool:
        """Whether the video branch reads a medium."""
        return medium.has_picture and self._options.sound != "frames"

    def is_heard(self, medium: Medium) -> bool:
        """Whether the audio branch reads a medium."""
        return self._options.sound == "frames" or hears(self._template, medium)

    def label(self, sample: Sample, media: Sequence[Medium], place: int) -> LabelledTokens:
        """Tokens and labels of a sample.

        Args:
            sample: What is said.
            media: The facts about its media, in the order of `media_in_order`.
            place: Decides which caption prompt is drawn.

        Raises:
            DataError: Its media do not fit, or nothing is left to be learned.
        """
        if self._template in _RELEASED:
            labelled = self._label_released(sample, media, place)
        else:
            labelled = self._label_in_use(sample, media, place)
        placeholders = self._rules.placeholders
        for ids, shown, queries in (
            (placeholders.video_token_id, self.is_seen, placeholders.num_video_query_tokens),
            (placeholders.audio_token_id, self.is_heard, placeholders.num_audio_query_tokens),
        ):
            if labelled.input_ids.count(ids) != queries * sum(map(shown, media)):
                raise DataError(
                    f"its media do not all stand within {self._rules.max_tokens} tokens; "
                    "raise samples.max_tokens"
                )
        if all(label == IGNORED for label in labelled.labels):
            raise DataError(
                f"nothing of its answers stands within {self._rules.max_tokens} tokens, or the "
                "original's masks leave nothing; raise samples.max_tokens"
            )
        return labelled

    def _label_in_use(self, sample: Sample, media: Sequence[Medium], place: int) -> LabelledTokens:
        shown = iter(media)
        turns = [Turn("system", (sample.system,))] if sample.system else []
        for turn in sample.turns:
            here = [next(shown) for _ in _MARK.findall(turn.question)]
            text = without_marks(turn.question) or self._request(here, place)
            turns += [Turn("user", (*here, text)), Turn("assistant", (turn.answer,))]
        pieces = render(
            self._template, turns, self._processor.tokenizer, add_generation_prompt=False
        )
        prompt = tokenize_pieces(pieces, self._processor.tokenizer, self._rules.placeholders)
        ids = prompt.input_ids[: self._rules.max_tokens]
        pairs = zip(ids, prompt.supervised[: len(ids)], strict=True)
        return LabelledTokens(ids, [each if learned else IGNORED for each, learned in pairs])

    def _label_released(
        self, sample: Sample, media: Sequence[Medium], place: int
    ) -> LabelledTokens:
        first = sample.turns[0]
        is_caption = len(sample.turns) == 1 and not without_marks(first.question)
        if is_caption and len(media) == 1 and self._is_seen_or_heard(media[0]):
            return self._label_caption(first.answer, media[0], place)
        shown = iter(media)
        messages: list[list[Piece]] = []
        for number, turn in enumerate(sample.turns):
            question = turn.question
            if not without_marks(question):
                question += self._request(media, place)
            system = [Piece("text", f"{sample.system} ")] if sample.system and not number else []
            messages += [
                [*system, *self._question(question, shown)],
                [Piece("text", turn.answer)],
            ]
        write = vicuna_labels if self._template in _VICUNA_FORM else llama_2_labels
        return write(messages, self._rules)

    def _is_seen_or_heard(self, medium: Medium) -> bool:
        """But not both: a caption has one place for embeddings."""
        return self.is_seen(medium) != self.is_heard(medium)

    def _label_caption(self, caption: str, medium: Medium, place: int) -> LabelledTokens:
        prompts = self._options.caption_prompts
        end, prompt = _STAGE_1_END, None
        if prompts:
            mark = "Image" if medium.kind == "image" else "Video"
            asked = f"<{mark}><ImageHere></{mark}> {self._drawn(place)}"
            if self._template == "llama_2":
                prompt = f"[INST] <<SYS>>\n \n<</SYS>>\n\n{asked} [/INST] "
                end = self._rules.tokenizer.eos_token
            else:
                prompt, end = f"###Human: {asked} ###Assistant: ", "###"
        return caption_labels(
            caption,
            self._rules,
            end=end,
            prompt=prompt,
            medium=self._piece(medium),
            max_caption_tokens=self._options.max_caption_tokens,
        )

    def _question(self, question: str, shown: Iterator[Medium]) -> list[Piece]:
        """A question with the pieces of its media in place of their marks."""
        pieces: list[Piece] = []
        after_medium = False
        for part in _MARK.split(question):
            if part not in MARKS.values():
                text = part.lstrip("\n") if after_medium else part
                pieces.append(Piece("text", text))
                continue
            medium = next(shown)
            pieces += self._medium(medium)
            after_medium = medium.kind != "image"  # the original leaves the line break of LLaVA's
        return pieces

    def _medium(self, medium: Medium) -> list[Piece]:
        if self.is_seen(medium) and self.is_heard(medium):
            return [*medium_pieces(medium), Piece("text", " ")]
        if not medium.has_picture:
            return [*medium_pieces(medium), Piece("text", " ")]
        if medium.kind == "image":
            return image_question(IMAGE_MARK, self._piece(medium))
        says_times = self._template not in ("billa", "ziya")
        times = medium.frame_times_seconds if says_times else ()
        return video_question("", times, self._piece(medium))

    def _piece(self, medium: Medium) -> MediumPiece:
        return "video" if self.is_seen(medium) else "audio"

    def _request(self, media: Sequence[Medium], place: int) -> str:
        if self._options.caption_prompts:
            return self._drawn(place)
        return _REQUESTS[media[0].kind] if media else _REQUESTS["video"]

    def _drawn(self, place: int) -> str:
        prompts = self._options.caption_prompts
        return random.Random(f"{self._seed}/{place}").choice(prompts)


def media_in_order(sample: Sample) -> list[File]:
    """A sample's media in the order in which its questions show them."""
    by_mark = {
        mark: iter([m for m in sample.media if m.kind == kind]) for kind, mark in MARKS.items()
    }
    return [next(by_mark[mark]) for turn in sample.turns for mark in _MARK.findall(turn.question)]
