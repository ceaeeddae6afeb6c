r"""Which tokens the released family learns from: captions (stage 1) and instructions (stage 2).

    caption   <s>(video){caption}{end}                                      the caption and its end
    vicuna    <s>\n\n###Human: {q}\n###Assistant: {a}\n###Human: ...\n###   see `vicuna_labels`
    llama_2   <s>[INST] <<SYS>>\n \n<</SYS>>\n\n{q} [/INST] {a} </s>...      answers and their </s>

Training writes one blank less before the question than inference does; both are the original's.
Source: `forward` of `VideoLLAMA`, `preprocess` and `preprocess_for_llama_v2` of its datasets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from videollama.errors import DataError
from videollama.prompts import PlaceholderTokens, tokenize_pieces
from videollama.prompts.released import frame_times_sentence, lay_out_llama_2
from videollama.prompts.tokenization import common_length
from videollama.prompts.turns import Piece, merge_text

IGNORED = -100
MAX_INSTRUCTION_TOKENS = 512
MAX_CAPTION_TOKENS = 32
TRAINING_SYSTEM = " "
IMAGE_MARK = "<image>"
_TURN_MARK = "###"
_INSTRUCTION_END = "[/INST] "

MediumPiece = Literal["video", "audio"]


@dataclass(frozen=True)
class LabelledTokens:
    """Token ids of one sample and their labels, -100 where nothing is learned."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class LabelRules:
    """How samples are tokenised and masked.

    Attributes:
        tokenizer: The decoder's tokenizer.
        placeholders: Ids and counts of the media placeholders.
        original_masks: Mask exactly as the original, with its slips. False learns the answers and
            what ends them, nothing else, whatever the vocabulary or the question.
        max_tokens: Longer instruction samples are cut on the right.
    """

    tokenizer: Any
    placeholders: PlaceholderTokens
    original_masks: bool = True
    max_tokens: int = MAX_INSTRUCTION_TOKENS

    def encode(self, pieces: Sequence[Piece]) -> list[int]:
        """Token ids of some pieces, cut to `max_tokens`."""
        ids = tokenize_pieces(merge_text(pieces), self.tokenizer, self.placeholders).input_ids
        return ids[: self.max_tokens]


def video_question(
    question: str, frame_times_seconds: Sequence[float] = (), medium: MediumPiece = "video"
) -> list[Piece]:
    """The first question about a video, with the sentence about its frames."""
    ending = f"</Video> {frame_times_sentence(frame_times_seconds)}{question}"
    return [Piece("text", "<Video>"), Piece(medium), Piece("text", ending)]


def image_question(question: str, medium: MediumPiece = "video") -> list[Piece]:
    """A question in LLaVA's form, in which "<image>" says where the picture belongs."""
    pieces: list[Piece] = []
    for number, text in enumerate(question.split(IMAGE_MARK)):
        if number:
            pieces += [Piece("text", "<Image>"), Piece(medium), Piece("text", "</Image>")]
        pieces.append(Piece("text", text))
    return pieces


def caption_labels(
    caption: str,
    rules: LabelRules,
    *,
    end: str = _TURN_MARK,
    prompt: str | None = None,
    medium: MediumPiece = "video",
    max_caption_tokens: int = MAX_CAPTION_TOKENS,
) -> LabelledTokens:
    """One caption sample: the picture, then the caption, which alone is learned.

    Args:
        caption: The sentence.
        rules: Tokenizer and placeholders; the original cuts a long caption and loses its end, which
            `original_masks=False` keeps.
        end: What ends the caption; the tokenizer's EOS by its name, or text.
        prompt: A question with "<ImageHere>" where the picture belongs; masked.
        medium: Whose embeddings stand in front.
        max_caption_tokens: Length of caption and end together.
    """
    before, _, after = (prompt or "<ImageHere>").partition("<ImageHere>")
    shown = [Piece("text", before), Piece(medium), Piece("text", after)]
    context = rules.encode([Piece("bos"), *shown])
    is_eos = end == rules.tokenizer.eos_token
    closing = [Piece("eos")] if is_eos else [Piece("text", end)]
    learned = rules.encode([Piece("text", caption), *closing])
    if len(learned) > max_caption_tokens and not rules.original_masks:
        end_ids = _closing_ids(rules, end, is_eos=is_eos)
        learned = [*learned[: max_caption_tokens - len(end_ids)], *end_ids]
    learned = learned[:max_caption_tokens]
    return LabelledTokens([*context, *learned], [IGNORED] * len(context) + learned)


def vicuna_labels(messages: Sequence[Sequence[Piece]], rules: LabelRules) -> LabelledTokens:
    """One conversation in the Vicuna training form.

    The original also learns the "###" of each question and the assistant's name, and it adds up the
    lengths of sentences tokenised alone: exact for LLaMA, where "###" is one piece at the start of
    a text and two inside, but one token off per sentence for other vocabularies.

    Args:
        messages: Content of each message, the user's first.
        rules: Tokenizer, placeholders and masks.
    """
    header = [Piece("text", "\n\n")]
    sentences = [
        [Piece("text", f"###{_name(position)}: "), *message, Piece("text", "\n")]
        for position, message in enumerate(messages)
    ]
    body = [piece for sentence in sentences for piece in sentence]
    whole = [Piece("bos"), *header, *body, Piece("text", _TURN_MARK)]
    ids = rules.encode(whole)
    if rules.original_masks:
        labels = list(ids)
        position = len(rules.encode([Piece("bos"), *header]))
        labels[:position] = [IGNORED] * position
        for number, sentence in enumerate(sentences):
            length = len(rules.encode([Piece("bos"), *sentence]))
            if number % 2 == 0:
                _mask(labels, position + 2, position + length)
            position += length
        return LabelledTokens(ids, labels)
    spoken = [Piece("bos"), *header]
    spans: list[tuple[list[Piece], list[Piece]]] = []
    for number, (sentence, message) in enumerate(zip(sentences, messages, strict=True)):
        if number % 2:
            opening = [*spoken, Piece("text", f"###{_name(number)}:")]
            closing = [*spoken, *sentence, Piece("text", _TURN_MARK)]
            if any(piece.value for piece in message):
                spans.append((opening, closing))
        spoken += sentence
    return _learn_spans(ids, spans, rules)


def llama_2_labels(messages: Sequence[Sequence[Piece]], rules: LabelRules) -> LabelledTokens:
    """One conversation in the LLaMA-2 training form.

    In the original a question that contains "[/INST] " masks everything from there on, which makes
    the loss NaN when it stands alone.

    Args:
        messages: Content of each message, the user's first.
        rules: Tokenizer, placeholders and masks.
    """
    whole = lay_out_llama_2(messages, TRAINING_SYSTEM)
    ids = rules.encode(whole)
    rounds = _rounds(whole)
    if rules.original_masks:
        return LabelledTokens(ids, _original_llama_2_labels(ids, rounds, rules))
    spans: list[tuple[list[Piece], list[Piece]]] = []
    spoken: list[Piece] = []
    for number, pieces in enumerate(rounds):
        if pieces[-1].kind == "eos":
            question = lay_out_llama_2(messages[: 2 * number + 1], TRAINING_SYSTEM)
            spans.append((question, [*spoken, *pieces]))
        spoken += pieces
    return _learn_spans(ids, spans, rules)


def pad_batch(samples: Sequence[LabelledTokens], pad_token_id: int) -> dict[str, Tensor]:
    """Stack samples, padded on the right.

    The original finds padding by its id, the id of unknown tokens too; here the lengths say where
    a sample ends, so unknown tokens inside a text stay visible.

    Returns:
        `input_ids`, `labels` and `attention_mask`, each (B, L).

    Raises:
        DataError: For an empty batch.
    """
    if not samples:
        raise DataError("a batch without samples cannot be padded.")
    longest = max(len(sample.input_ids) for sample in samples)
    input_ids = torch.full((len(samples), longest), pad_token_id)
    labels = torch.full((len(samples), longest), IGNORED)
    mask = torch.zeros((len(samples), longest), dtype=torch.bool)
    for row, sample in enumerate(samples):
        length = len(sample.input_ids)
        input_ids[row, :length] = torch.tensor(sample.input_ids)
        labels[row, :length] = torch.tensor(sample.labels)
        mask[row, :length] = True
    return {"input_ids": input_ids, "labels": labels, "attention_mask": mask}


def _original_llama_2_labels(
    ids: Sequence[int], rounds: Sequence[Sequence[Piece]], rules: LabelRules
) -> list[int]:
    labels = list(ids)
    labels[0] = IGNORED
    position = 1
    for number, pieces in enumerate(rounds):
        spoken = [piece for piece in pieces if piece.kind != "eos"]
        instruction = _instruction(spoken)
        if instruction is None:
            break
        # Only the first round's own BOS is the one that tokenising adds; the "- 2" makes up for it.
        added = [] if number == 0 else [Piece("bos")]
        masked = len(rules.encode([*added, *instruction])) - 2
        _mask(labels, position, position + masked)
        position += len(rules.encode([*added, *spoken]))
    _mask(labels, position, len(labels))
    return labels


def _instruction(pieces: Sequence[Piece]) -> list[Piece] | None:
    """The pieces up to the only "[/INST] "; None when there is not exactly one."""
    if sum(piece.value.count(_INSTRUCTION_END) for piece in pieces) != 1:
        return None
    instruction: list[Piece] = []
    for piece in pieces:
        before, mark, _ = piece.value.partition(_INSTRUCTION_END)
        if mark:
            return [*instruction, Piece("text", before + mark)]
        instruction.append(piece)
    return None


def _rounds(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Question and answer together, each round from BOS to EOS."""
    rounds: list[list[Piece]] = []
    for piece in pieces:
        if piece.kind == "bos":
            rounds.append([])
        rounds[-1].append(piece)
    return rounds


def _learn_spans(
    ids: list[int], spans: Sequence[tuple[list[Piece], list[Piece]]], rules: LabelRules
) -> LabelledTokens:
    """Learn what lies between the end of one prefix of the text and the end of a longer one."""
    labels = [IGNORED] * len(ids)
    for opening, closing in spans:
        start, stop = (common_length(rules.encode(prefix), ids) for prefix in (opening, closing))
        labels[start:stop] = ids[start:stop]
    return LabelledTokens(ids, labels)


def _mask(labels: list[int], start: int, stop: int) -> None:
    stop = min(stop, len(labels))
    if start < stop:
        labels[start:stop] = [IGNORED] * (stop - start)


def _name(position: int) -> str:
    return "Assistant" if position % 2 else "Human"


def _closing_ids(rules: LabelRules, end: str, *, is_eos: bool) -> list[int]:
    if is_eos:
        return rules.encode([Piece("eos")])
    before = rules.encode([Piece("text", "a.")])
    return rules.encode([Piece("text", f"a.{end}")])[len(before) :]
