"""Messages and media to model inputs.

    clips ──────> pixel_values (N, T, C, H, W)  pixel_mask (N, T)     N clips with a picture
            └───> audio_values (M, S, 1, 128, 204)  audio_mask (M, S)  M clips with sound
    messages ───> input_ids (B, L)  attention_mask (B, L)              placeholders in that order

The prompt decides which clips are seen and heard, so placeholders and tensors always agree.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoProcessor, AutoTokenizer, BatchFeature, StoppingCriteriaList
from transformers.processing_utils import ProcessorMixin

from videollama.configuration import VideoLlamaConfig
from videollama.errors import CheckpointError, InputError, LanguageError
from videollama.languages.scripts import refusal_of
from videollama.media.clip import Clip
from videollama.media.encoder_inputs import frame_values, segment_values
from videollama.prompts import (
    EndsWith,
    LegacyLlamaTokenizer,
    Medium,
    PlaceholderTokens,
    Turn,
    clean_answer,
    drop_oldest_turns,
    hears,
    last_exchange,
    render,
    stop_sequences,
    tokenize_pieces,
)

Message = Mapping[str, Any]
Conversation = Sequence[Message]

__all__ = ["VideoLlamaProcessor", "frame_values", "segment_values"]

RELEASED_CONTEXT = 2000  # the original's limit for prompt and answer together
ANSWER_TOKENS = 300  # room the original keeps for the answer


class VideoLlamaProcessor(ProcessorMixin):
    """Turns conversations about clips into the model's inputs, and its tokens into answers.

    Args:
        config: The model's configuration: sizes, placeholder ids, prompt template.
        tokenizer: The decoder's tokenizer.
        prompt_template: Replaces `config.prompt_template`, for example by "billa_native".
    """

    def __init__(
        self, config: VideoLlamaConfig, tokenizer: Any, prompt_template: str | None = None
    ) -> None:
        self.config = config
        self.prompt_template = prompt_template or config.prompt_template
        self.placeholders = PlaceholderTokens(
            video_token_id=config.video_token_id,
            audio_token_id=config.audio_token_id,
            num_video_query_tokens=config.num_video_query_tokens,
            num_audio_query_tokens=config.num_audio_query_tokens,
        )
        super().__init__(tokenizer=tokenizer)  # type: ignore[no-untyped-call]

    def __call__(
        self,
        messages: Conversation | Sequence[Conversation],
        clips: Sequence[Clip] = (),
        *,
        add_generation_prompt: bool = True,
        max_prompt_tokens: int | None = None,
        with_media: bool = True,
    ) -> BatchFeature:
        """Prepare one conversation or a batch of them.

        Args:
            messages: `[{"role": "user", "content": [{"type": "video", "clip": 0}, {"type": "text",
                "text": "What happens?"}]}, ...]`, or a list of such lists. `content` may be a plain
                string. A type of "audio" uses only the sound of a clip.
            clips: What the numbers in `messages` refer to, across the whole batch.
            add_generation_prompt: End where the model's answer begins.
            max_prompt_tokens: Longer conversations lose their oldest exchanges, never their media;
                all but the last go where the model was not trained on conversations
                (`config.multi_turn`). By default the decoder's context without 300 tokens for the
                answer.
            with_media: False leaves the tensors out, for media that are already encoded.

        Returns:
            `input_ids` and `attention_mask` (B, L), padded on the left, and as far as there are
            pictures and sounds `pixel_values` (N, T, C, H, W), `pixel_mask` (N, T), `audio_values`
            (M, S, 1, 128, 204), `audio_mask` (M, S), in the order of their placeholders.

        Raises:
            InputError: A message refers to no clip, has an unknown role or type, or is too long.
            LanguageError: The last question is in a language that the decoder does not know.
        """
        batch = _as_batch(messages)
        limit = max_prompt_tokens or self._max_prompt_tokens()
        rows: list[list[int]] = []
        for conversation in batch:
            turns, _ = self._read(conversation, clips)
            self.require_known_language(turns[-1].text)
            if not self.config.multi_turn:
                turns = last_exchange(turns)
            kept = drop_oldest_turns(
                turns, lambda ts: len(self.encode_turns(ts, add_generation_prompt)), limit
            )
            rows.append(self.encode_turns(kept, add_generation_prompt))
        inputs = self.pad_left(rows)
        if with_media:
            inputs |= self.media_inputs(*self.shown_clips(batch, clips))
        return BatchFeature(inputs)

    def require_known_language(self, question: str) -> None:
        """Refuses a question in the script of a language that the decoder does not know.

        Raises:
            LanguageError: Says so in the language of the question.
        """
        refusal = refusal_of(question, self.config.languages)
        if refusal is not None:
            raise LanguageError(refusal)

    def shown_clips(
        self, messages: Conversation | Sequence[Conversation], clips: Sequence[Clip]
    ) -> tuple[list[Clip], list[Clip]]:
        """The clips that are seen and those that are heard, in the order of their placeholders.

        Takes what a call takes, and raises what it raises.
        """
        shown = [each for batch in _as_batch(messages) for each in self._read(batch, clips)[1]]
        seen = [clip for clip, medium in shown if medium.has_picture]
        heard = [clip for clip, medium in shown if hears(self.prompt_template, medium)]
        return seen, heard

    def media_inputs(self, seen: Sequence[Clip], heard: Sequence[Clip]) -> dict[str, Tensor]:
        """What a call returns for clips that are seen and clips that are heard."""
        inputs: dict[str, Tensor] = {}
        if seen:
            frames = [frame_values(_frames_of(clip), self.config) for clip in seen]
            inputs["pixel_values"], inputs["pixel_mask"] = _pad_right(frames)
        if heard:
            segments = [segment_values(_waveform_of(clip), self.config) for clip in heard]
            inputs["audio_values"], inputs["audio_mask"] = _pad_right(segments)
        return inputs

    def encode_turns(self, turns: Sequence[Turn], add_generation_prompt: bool = True) -> list[int]:
        """The token ids of one conversation, placeholders included."""
        pieces = render(
            self.prompt_template,
            turns,
            self.tokenizer,
            add_generation_prompt=add_generation_prompt,
        )
        return tokenize_pieces(pieces, self.tokenizer, self.placeholders).input_ids

    def pad_left(self, rows: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """`input_ids` and `attention_mask` `(B, L)` of B lists of token ids."""
        length = max(len(row) for row in rows)
        pad = self._pad_token_id()
        ids = [[pad] * (length - len(row)) + list(row) for row in rows]
        mask = [[0] * (length - len(row)) + [1] * len(row) for row in rows]
        return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}

    def medium(self, clip: Clip, wanted: str | None = None) -> Medium:
        """What the prompt says about a clip.

        Args:
            clip: A clip as it was read.
            wanted: The `type` in the message; "audio" leaves the picture out.
        """
        audio_status = clip.audio_status
        if self.config.audio_config is None:
            audio_status = "not_requested"
        return Medium(
            kind=clip.kind,
            has_picture=clip.frames is not None and wanted != "audio",
            audio_status=audio_status,
            frame_times_seconds=clip.frame_times_seconds,
        )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width to read frames at; other sizes are resized, with another filter."""
        size = self.config.vision_config.image_size
        return size, size

    def stop_arguments(self) -> dict[str, Any]:
        """Keywords for `generate` that end an answer where this prompt template ends it."""
        stops = stop_sequences(self.prompt_template, self.tokenizer)
        arguments: dict[str, Any] = {"pad_token_id": self._pad_token_id()}
        single = [stop[0] for stop in stops if len(stop) == 1]
        if single:
            arguments["eos_token_id"] = single
        longer = [stop for stop in stops if len(stop) > 1]
        if longer:
            arguments["stopping_criteria"] = StoppingCriteriaList([EndsWith(longer)])
        return arguments

    def decode_answer(self, token_ids: Tensor | Sequence[int]) -> str:
        """The text of one row of generated ids, without control tokens and turn marks."""
        ids = token_ids.tolist() if isinstance(token_ids, Tensor) else list(token_ids)
        return clean_answer(ids, self.tokenizer, self.prompt_template)

    @property
    def model_input_names(self) -> list[str]:
        """What a call can return."""
        media = ["pixel_values", "pixel_mask", "audio_values", "audio_mask"]
        return ["input_ids", "attention_mask", *media]

    def to_dict(self) -> dict[str, Any]:
        """What is saved beside the tokenizer."""
        return {
            "processor_class": type(self).__name__,
            "prompt_template": self.prompt_template,
            "config": self.config.to_dict(),
        }

    @classmethod
    def from_args_and_dict(
        cls, args: Sequence[Any], processor_dict: dict[str, Any], **kwargs: Any
    ) -> Self:
        """Build the processor from its tokenizer and its saved settings."""
        settings = {**processor_dict, **kwargs}
        config = settings.get("config")
        if config is None:
            raise CheckpointError(
                "the processor's settings hold no model configuration; save the processor again."
            )
        if not isinstance(config, VideoLlamaConfig):
            config = VideoLlamaConfig.from_dict(config)
        return cls(config, args[0], settings.get("prompt_template"))

    @classmethod
    def _get_arguments_from_pretrained(
        cls, pretrained_model_name_or_path: Any, processor_dict: Any = None, **kwargs: Any
    ) -> list[Any]:
        """The tokenizer: the one that was handed in, or the one saved in the folder."""
        tokenizer = kwargs.pop("tokenizer", None)
        if tokenizer is not None:
            return [tokenizer]
        return super()._get_arguments_from_pretrained(  # type: ignore[no-untyped-call]
            pretrained_model_name_or_path, processor_dict, **kwargs
        )

    def _read(
        self, conversation: Conversation, clips: Sequence[Clip]
    ) -> tuple[list[Turn], list[tuple[Clip, Medium]]]:
        turns: list[Turn] = []
        shown: list[tuple[Clip, Medium]] = []
        for message in conversation:
            role = message.get("role")
            if role not in ("system", "user", "assistant"):
                raise InputError(f"unknown role {role!r}; use system, user or assistant.")
            parts: list[str | Medium] = []
            for item in _content(message):
                if item.get("type") == "text":
                    parts.append(str(item.get("text", "")))
                    continue
                clip = _clip_of(item, clips)
                medium = self.medium(clip, item["type"])
                shown.append((clip, medium))
                parts.append(medium)
            turns.append(Turn(role, tuple(parts)))
        return turns, shown

    def _max_prompt_tokens(self) -> int:
        return max(1, longest_context(self.config) - ANSWER_TOKENS)

    def _pad_token_id(self) -> int:
        for token_id in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token_id is not None:
                return int(token_id)
        return 0


def longest_context(config: VideoLlamaConfig) -> int:
    """Tokens of prompt and answer together that a decoder may read."""
    context = int(getattr(config.text_config, "max_position_embeddings", RELEASED_CONTEXT))
    return min(context, RELEASED_CONTEXT) if config.family == "released" else context


def _as_batch(messages: Conversation | Sequence[Conversation]) -> list[Conversation]:
    if not messages:
        raise InputError("there are no messages; give at least one question.")
    if isinstance(messages[0], Mapping):
        return [cast("Conversation", messages)]
    return list(cast("Sequence[Conversation]", messages))


def _pad_right(tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack tensors of different first lengths; the mask is True where there is something."""
    lengths = torch.tensor([tensor.shape[0] for tensor in tensors])
    values = pad_sequence(list(tensors), batch_first=True)
    return values, torch.arange(values.shape[1])[None] < lengths[:, None]


def _content(message: Message) -> Sequence[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if content is None:
        raise InputError(f"the {message.get('role')} message has no content.")
    return content


def _clip_of(item: Mapping[str, Any], clips: Sequence[Clip]) -> Clip:
    if item.get("type") not in ("video", "image", "audio"):
        raise InputError(
            f"unknown content type {item.get('type')!r}; use text, video, image or audio."
        )
    number = item.get("clip")
    if not isinstance(number, int) or not 0 <= number < len(clips):
        raise InputError(f"a message refers to clip {number!r}, but there are {len(clips)} clips.")
    return clips[number]


def _frames_of(clip: Clip) -> Tensor:
    if clip.frames is None:
        raise InputError(f"{clip.path} has no picture.")
    return clip.frames


def _waveform_of(clip: Clip) -> Tensor:
    if clip.waveform is None:
        raise InputError(f"the sound of {clip.path} was not read.")
    return clip.waveform


AutoTokenizer.register(VideoLlamaConfig, tokenizer_class=LegacyLlamaTokenizer)
AutoProcessor.register(VideoLlamaConfig, VideoLlamaProcessor)
