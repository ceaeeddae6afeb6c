"""Video-LLaMA: a language model that reads frames and sounds. Read this file first.

    frames   (N, T, C, H, W) ─ encode_frames ──▶ (N, T, P, Dv) ─ encode_video ─▶ (N, Qv, D) ┐
    segments (N, S, 1, M, F) ─ encode_segments ▶ (N, S, Da) ──── encode_audio ─▶ (N, Qa, D) ┤
    text     (B, L) ids ─────────────────────── word embeddings ─▶ (B, L, D) ◀──────────────┘
                                                language model ──▶ (B, L, vocabulary)

The encoders on the left and the language model are frozen; what lies between is trained.

Letters: B prompts, L tokens, N clips in the whole batch, T frames, C H W pixels, P patches,
S segments of sound, M mel bins, F mel frames, Q queries (Qv video, Qa audio, Qi per frame),
D widths (Dv vision, Da audio, Dq Q-Former, D language model).
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    GenerationMixin,
    PreTrainedModel,
    initialization,
)
from transformers.modeling_outputs import CausalLMOutputWithPast

from videollama.configuration import ImageBindConfig, VideoLlamaConfig
from videollama.errors import InputError
from videollama.model.beginning_penalty import penalize_beginning
from videollama.model.efficientnet_lite import EfficientNetLite, SameConv2d
from videollama.model.imagebind import ImageBind, init_imagebind_weights
from videollama.model.placeholders import fill_placeholders
from videollama.model.qformer import (
    TimePositionEmbedding,
    build_qformer,
    mask_or_all,
    query_tokens,
    read_with_queries,
)
from videollama.model.vision import build_vision_encoder

MEDIA_ARGUMENTS = (
    "pixel_values",
    "pixel_mask",
    "audio_values",
    "audio_mask",
    "video_embeds",
    "audio_embeds",
)


class VideoLlamaForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """Answers questions about clips by what is seen and heard.

    A prompt holds one placeholder id (`config.video_token_id`, `config.audio_token_id`) per query
    token. The clips of the whole batch fill them in order of appearance, so a prompt may hold none,
    one or several clips.
    """

    config: VideoLlamaConfig
    config_class = VideoLlamaConfig
    main_input_name = "input_ids"
    input_modalities = ["video", "image", "audio", "text"]  # noqa: RUF012
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_attention_backend = True
    _no_split_modules = ["Blip2QFormerLayer", "ImageBindBlock", "InvertedResidual"]  # noqa: RUF012

    def __init__(self, config: VideoLlamaConfig) -> None:
        super().__init__(config)
        self._build_picture_branch(config)
        self._build_sound_branch(config)
        self.language_model = AutoModelForCausalLM.from_config(config.text_config)
        self.post_init()  # type: ignore[no-untyped-call]

    def _build_picture_branch(self, config: VideoLlamaConfig) -> None:
        self.vision_encoder = build_vision_encoder(config.vision_config)
        vision_size, width = config.vision_config.hidden_size, config.frame_token_size
        if config.image_qformer_config is not None:
            self.image_query_tokens = query_tokens(config.num_image_query_tokens, width)
            self.image_qformer = build_qformer(config.image_qformer_config)
        else:
            self.frame_projection = nn.Sequential(
                nn.LayerNorm(vision_size), nn.Linear(vision_size, width)
            )
            self.patch_position_embedding = nn.Embedding(config.num_patches, width)
        self.frame_position_embedding = TimePositionEmbedding(config.max_frames, width)
        reader = config.video_qformer_config
        self.video_query_tokens = query_tokens(config.num_video_query_tokens, reader.hidden_size)
        self.video_qformer = build_qformer(reader)
        self.video_projection = nn.Linear(reader.hidden_size, config.text_config.hidden_size)

    def _build_sound_branch(self, config: VideoLlamaConfig) -> None:
        self.audio_encoder: nn.Module | None = None
        if config.audio_config is None:
            return
        encoder = (
            ImageBind if isinstance(config.audio_config, ImageBindConfig) else EfficientNetLite
        )
        self.audio_encoder = encoder(config.audio_config)
        self.segment_position_embedding = TimePositionEmbedding(
            config.max_segments, config.audio_config.hidden_size
        )
        reader = config.audio_qformer_config
        self.audio_query_tokens = query_tokens(config.num_audio_query_tokens, reader.hidden_size)
        self.audio_qformer = build_qformer(reader)
        self.audio_projection = nn.Linear(reader.hidden_size, config.text_config.hidden_size)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if module is self:
            for name, parameter in self.named_parameters(recurse=False):
                if name.endswith("_query_tokens"):
                    initialization.normal_(parameter, std=self.config.initializer_range)
        elif isinstance(module, SameConv2d):
            fan_out = module.weight[0, 0].numel() * module.out_channels / module.groups
            initialization.normal_(module.weight, std=(2.0 / fan_out) ** 0.5)
        init_imagebind_weights(module, std=self.config.initializer_range)

    # ------------------------------------------------------------------ pictures

    def encode_frames(self, pixel_values: Tensor) -> Tensor:
        """Run the frozen vision encoder on every frame.

        Args:
            pixel_values: Normalised frames, `(N, T, C, H, W)`.

        Returns:
            Features, `(N, T, P, Dv)`. They depend on nothing that is trained and can be kept.
        """
        frames = pixel_values.flatten(0, 1).to(dtype_of(self.vision_encoder))
        features = self.vision_encoder(frames)
        return features.view(*pixel_values.shape[:2], *features.shape[1:])

    def encode_video(self, frame_features: Tensor, pixel_mask: Tensor | None = None) -> Tensor:
        """Turn the features of a clip's frames into tokens for the language model.

        Takes what :meth:`encode_frames` gave, `(N, T, P, Dv)`, and the mask of
        :meth:`encode_video_tokens`; returns video tokens, `(N, Qv, D)`.
        """
        return self.encode_video_tokens(self.encode_frame_tokens(frame_features), pixel_mask)

    def encode_video_tokens(self, frame_tokens: Tensor, pixel_mask: Tensor | None = None) -> Tensor:
        """Give a clip's frames their places in time and let the Video Q-Former read them.

        Args:
            frame_tokens: What :meth:`encode_frame_tokens` gave, `(N, T, Qi, Dq)`.
            pixel_mask: True where a frame belongs to the clip, `(N, T)`; `None` where all do.

        Returns:
            Video tokens, `(N, Qv, D)`.
        """
        mask = mask_or_all(pixel_mask, frame_tokens)
        places = self.frame_position_embedding(mask).to(frame_tokens)
        tokens = frame_tokens + places.unsqueeze(2)
        tokens = tokens.masked_fill(~mask[:, :, None, None], 0.0)
        found = read_with_queries(
            self.video_qformer,
            self.video_query_tokens,
            tokens.flatten(1, 2),
            mask.repeat_interleave(tokens.shape[2], dim=1),
        )
        return self.video_projection(found.to(dtype_of(self.video_projection)))

    def encode_frame_tokens(self, frame_features: Tensor) -> Tensor:
        """Shorten each frame's features to what the Video Q-Former reads.

        Takes what :meth:`encode_frames` gave, `(N, T, P, Dv)`; returns tokens without their
        places in time, `(N, T, Qi, Dq)`.
        """
        if self.config.image_qformer_config is None:
            projected = self.frame_projection(frame_features.to(dtype_of(self.frame_projection)))
            places = torch.arange(projected.shape[2], device=projected.device)
            return projected + self.patch_position_embedding(places)
        frames = frame_features.flatten(0, 1)
        found = read_with_queries(self.image_qformer, self.image_query_tokens, frames)
        return found.view(*frame_features.shape[:2], *found.shape[1:])

    # ------------------------------------------------------------------ sound

    def encode_segments(self, audio_values: Tensor) -> Tensor:
        """Run the frozen audio encoder on every segment of sound.

        Args:
            audio_values: Normalised log-mel spectrograms, `(N, S, 1, M, F)`.

        Returns:
            One embedding per segment, `(N, S, Da)`. They depend on nothing that is trained and can
            be kept. ImageBind's have the length `config.audio_scale`.

        Raises:
            InputError: The model was built without hearing.
        """
        encoder = self._require_hearing()
        segments = audio_values.flatten(0, 1).to(dtype_of(encoder))
        if isinstance(encoder, ImageBind):
            embeddings = self.config.audio_scale * encoder.audio(segments)
        else:
            embeddings = encoder(segments).mean(dim=1)
        return embeddings.view(*audio_values.shape[:2], -1)

    def encode_frames_as_segments(self, pixel_values: Tensor) -> Tensor:
        """Embed frames where sounds will be: ImageBind puts both into one space.

        The original trains its audio branch so, because captions of videos are many and captions
        of sounds are few.

        Args:
            pixel_values: Normalised frames, `(N, T, C, H, W)`.

        Returns:
            One embedding of length 1 per frame, `(N, T, Da)`, for :meth:`encode_audio`.

        Raises:
            InputError: The model was built without ImageBind's vision trunk.
        """
        encoder = self.audio_encoder
        if not isinstance(encoder, ImageBind) or encoder.vision is None:
            raise InputError(
                "This model has no ImageBind vision trunk; "
                "set audio_config.vision_config to train the audio branch on frames."
            )
        frames = pixel_values.flatten(0, 1).to(dtype_of(encoder))
        return encoder.vision(frames).view(*pixel_values.shape[:2], -1)

    def encode_audio(self, segment_features: Tensor, audio_mask: Tensor | None = None) -> Tensor:
        """Turn the embeddings of a clip's segments into tokens for the language model.

        Args:
            segment_features: What :meth:`encode_segments` gave, `(N, S, Da)`.
            audio_mask: True where a segment belongs to the clip, `(N, S)`; `None` where all do.

        Returns:
            Audio tokens, `(N, Qa, D)`.

        Raises:
            InputError: The model was built without hearing.
        """
        self._require_hearing()
        mask = mask_or_all(audio_mask, segment_features)
        positions = self.segment_position_embedding(mask)
        tokens = segment_features.to(positions) + positions
        tokens = tokens.masked_fill(~mask.unsqueeze(-1), 0.0)
        found = read_with_queries(self.audio_qformer, self.audio_query_tokens, tokens, mask)
        return self.audio_projection(found.to(dtype_of(self.audio_projection)))

    def _require_hearing(self) -> nn.Module:
        if self.audio_encoder is None:
            raise InputError(
                "This model has no audio branch (audio_config is null); "
                "leave the sound out or load a model that has one."
            )
        return self.audio_encoder

    # ------------------------------------------------------------------ prompts

    def embed_prompt(
        self,
        input_ids: Tensor | None,
        *,
        pixel_values: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        audio_values: Tensor | None = None,
        audio_mask: Tensor | None = None,
        video_embeds: Tensor | None = None,
        audio_embeds: Tensor | None = None,
    ) -> Tensor:
        """Look the words up and put the clips in place of their placeholders.

        Args:
            input_ids: Prompts, `(B, L)`. The placeholder ids may lie outside the vocabulary.
            pixel_values: Frames, `(N, T, C, H, W)`, or give `video_embeds`.
            pixel_mask: True where a frame belongs to its clip, `(N, T)`.
            audio_values: Segments of sound, `(N, S, 1, M, F)`, or give `audio_embeds`.
            audio_mask: True where a segment belongs to its clip, `(N, S)`.
            video_embeds: What :meth:`encode_video` gave, `(N, Qv, D)`.
            audio_embeds: What :meth:`encode_audio` gave, `(N, Qa, D)`.

        Returns:
            What the language model reads, `(B, L, D)`.

        Raises:
            InputError: There is no prompt, or not one placeholder for every token of a clip.
        """
        if input_ids is None:
            raise InputError("There is no prompt; give input_ids, or inputs_embeds instead.")
        if video_embeds is None and pixel_values is not None:
            video_embeds = self.encode_video(self.encode_frames(pixel_values), pixel_mask)
        if audio_embeds is None and audio_values is not None:
            audio_embeds = self.encode_audio(self.encode_segments(audio_values), audio_mask)
        is_video = input_ids == self.config.video_token_id
        is_audio = input_ids == self.config.audio_token_id
        words = self.get_input_embeddings()(input_ids.masked_fill(is_video | is_audio, 0))
        words = fill_placeholders(words, is_video, video_embeds, "video")
        return fill_placeholders(words, is_audio, audio_embeds, "audio")

    def forward(  # noqa: D417, PLR0913
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        audio_values: Tensor | None = None,
        audio_mask: Tensor | None = None,
        video_embeds: Tensor | None = None,
        audio_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Predict every next token. What is not described here is passed to :meth:`embed_prompt`.

        Args:
            attention_mask: 1 where a token belongs to its prompt, `(B, L)`.
            labels: The tokens to predict, `(B, L)`, -100 where none is asked for.
            position_ids: Places of the tokens, `(B, L)`; counted from `attention_mask` if absent.
            inputs_embeds: What :meth:`embed_prompt` gave, `(B, L, D)`, instead of ids and clips.
            logits_to_keep: How many last tokens to predict for (0: all), or which.
            **kwargs: Passed to the language model, its cache of the tokens before among it.

        Returns:
            `logits` `(B, L, vocabulary)`, the cache, and the mean cross-entropy as `loss` where
            `labels` are given.
        """
        if inputs_embeds is None:
            inputs_embeds = self.embed_prompt(
                input_ids,
                pixel_values=pixel_values,
                pixel_mask=pixel_mask,
                audio_values=audio_values,
                audio_mask=audio_mask,
                video_embeds=video_embeds,
                audio_embeds=audio_embeds,
            )
        if position_ids is None and attention_mask is not None:
            places = (attention_mask.long().cumsum(dim=1) - 1).clamp(min=0)
            position_ids = places[:, -inputs_embeds.shape[1] :]
        num_items_in_batch = kwargs.pop("num_items_in_batch", None)
        outputs = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            logits_to_keep=logits_to_keep,
            **kwargs,
        )
        if labels is not None:
            outputs.loss = self.loss_function(
                logits=outputs.logits,
                labels=labels,
                vocab_size=outputs.logits.shape[-1],
                num_items_in_batch=num_items_in_batch,
            )
        return outputs

    @torch.no_grad()
    def generate(self, input_ids: Tensor | None = None, **kwargs: Any) -> Any:
        """Answer prompts.

        Clips are encoded once, also for beams. The search gets the prompt as embeddings; hence the
        new tokens alone come back, and repetition penalties look at nothing else (in the released
        family at BOS too, as the original's).

        Args:
            input_ids: Prompts with placeholders, `(B, L)`, padded on the left.
            **kwargs: The media of :meth:`embed_prompt`, `attention_mask`, and everything that
                `GenerationMixin.generate` knows: `max_new_tokens`, `num_beams`, `streamer` …

        Returns:
            New tokens, `(B, up to max_new_tokens)`; a `GenerateOutput` where
            `return_dict_in_generate` is set.
        """
        media = {name: kwargs.pop(name) for name in MEDIA_ARGUMENTS if name in kwargs}
        if kwargs.get("inputs_embeds") is None:
            kwargs["inputs_embeds"] = self.embed_prompt(input_ids, **media)
        if self.config.family == "released":
            kwargs = penalize_beginning(kwargs, self.generation_config.bos_token_id)
        return super().generate(**kwargs)

    # ------------------------------------------------------------------ asked for by transformers

    def get_input_embeddings(self) -> nn.Module:
        """The word embeddings of the language model."""
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the word embeddings of the language model."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module | None:
        """The head of the language model."""
        return self.language_model.get_output_embeddings()


def dtype_of(module: nn.Module) -> torch.dtype:
    """The type of a module's weights, which its inputs must have."""
    return next(module.parameters()).dtype


AutoModel.register(VideoLlamaConfig, VideoLlamaForConditionalGeneration)
AutoModelForImageTextToText.register(VideoLlamaConfig, VideoLlamaForConditionalGeneration)
