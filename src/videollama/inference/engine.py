"""The one class users meet: load a model, ask about files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack

from videollama.checkpoints.devices import choose_device
from videollama.checkpoints.load import load_model
from videollama.errors import InputError
from videollama.inference.answer import Answer, Captioned
from videollama.inference.batching import Asked, caption_in_batches
from videollama.inference.chat import Chat
from videollama.inference.embedding import Embedded, embed_files
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.media_store import MediaStore
from videollama.inference.messages import Media, as_list
from videollama.inference.options import AskOptions, split_options
from videollama.inference.segments import HEARING_QUESTION
from videollama.languages.catalogue import wording
from videollama.media.frame_sampling import FrameSampling

if TYPE_CHECKING:
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor

CAPTION_REQUEST = "Describe the video."

CAPTION_BEAMS = 3
"""Nobody waits for the first word of a caption, so it is searched for more widely."""


class VideoLlama:
    """A model that answers questions about videos, pictures and sounds.

        assistant = VideoLlama.load()
        print(assistant.ask("clip.mp4", "What happens, and what do you hear?"))

    Args:
        model: The network, on its device.
        processor: What turns files and messages into its inputs.
        media_store: Where encoded files are kept and found; by default nowhere.
    """

    def __init__(
        self,
        model: "VideoLlamaForConditionalGeneration",
        processor: "VideoLlamaProcessor",
        media_store: MediaStore | None = None,
    ) -> None:
        self.model = model.eval()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.processor = processor
        self.encoder = MediaEncoder(self.model, processor, media_store)

    @classmethod
    def load(
        cls,
        ref: str | Path | None = None,
        *,
        device: str = "auto",
        dtype: str = "auto",
        cache_media: bool = True,
        decoder_layers: bool = True,
        compiled: bool = False,
    ) -> Self:
        """Loads a model; without `ref` the built-in one, which fetches its parts the first time.

        Args:
            ref: A folder of ours, a folder or hub name laid out as the original's, or `None`.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            dtype: "auto", "float32", "bfloat16", "float16", or "int8": on the CPU, by ONNX
                Runtime with the decoder in 8 bits, several times as fast. "auto" takes it for the
                built-in model, which can then be asked but neither trained nor saved. "8-bit" and
                "4-bit" round the decoder's linear layers by bitsandbytes, which saves memory.
            cache_media: Keep what the encoders make of files on disk, and find it there again.
            decoder_layers: False leaves them out: for a server that lets another one write. Such a
                model encodes media and cannot be asked.
            compiled: Compile the decoder's steps for a card, which takes a minute or two now and
                saves time with every token. See `CompiledDecoder`.

        Raises:
            ModelNotFoundError: `ref` leads nowhere.
            CheckpointError: The files do not form a working model.
            DownloadError: Weights could not be fetched.
            InputError: `device`, `dtype` or `compiled` cannot be had here.
        """
        if compiled and choose_device(device).type == "cpu":
            raise InputError(
                "--compile is for cards; on a processor a compiled decoder is slower, so leave it "
                "out."
            )
        model, processor = load_model(
            ref, device=device, dtype=dtype, decoder_layers=decoder_layers
        )
        if dtype == "int8" or (dtype == "auto" and _may_be_rounded(model)):
            _put_on_onnx_runtime(model)
        elif compiled:
            from videollama.model.compiled_decoder import CompiledDecoder

            model.language_model = CompiledDecoder(model.language_model)
        return cls(model, processor, MediaStore() if cache_media else None)

    def ask(
        self, media: Media, question: str, *, check: bool = False, **options: Unpack[AskOptions]
    ) -> Answer:
        """Answers one question about one file or several.

        Where the question names a part, as in "between 1:00 and 1:30", and no option does, only
        that part is looked at and listened to; the answer's `seen` and `heard` say so.

        Args:
            media: A video, picture or sound file, or a list that mixes them.
            question: Free text.
            check: Also find what the answer names although the files do not bear it out:
                `Answer.flags`. It costs a pass of the decoder for eight things that are named.
            **options: `num_frames`, `start_seconds`, `max_new_tokens`, `seed`, …: see `AskOptions`.

        Raises:
            MediaError: A file cannot be used.
            InputError: The question is empty or an option makes no sense.
            LanguageError: The question is in a language that the model does not know.
        """
        return self._about(media, question, options).ask(question, check=check)

    def stream(self, media: Media, question: str, **options: Unpack[AskOptions]) -> Iterator[str]:
        """Like `ask`, but gives the text piece by piece as it is written."""
        return self._about(media, question, options).stream(question)

    def chat(self, media: Media, **options: Unpack[AskOptions]) -> Chat:
        """Starts a conversation about files, which are opened and encoded once."""
        return Chat(self.model, self.processor, media, self.encoder, **options)

    def caption(
        self,
        paths: Media,
        *,
        batch_size: int = 4,
        question: str | None = None,
        language: str = "en",
        with_confidence: bool = False,
        **options: Unpack[AskOptions],
    ) -> Iterator[Captioned]:
        """Describes many files, several at a time, in the order given.

        Args:
            paths: Video, picture or sound files, or one.
            batch_size: Files per pass of the decoder.
            question: What is asked of each file; by default to describe it, or what is heard where
                there is no picture.
            language: Of the default question.
            with_confidence: Measure `Answer.confidence`; it takes memory for the scores of all
                words of the vocabulary, for every token that is written.
            **options: As for `ask`; `num_beams` is 3 here, unless words are drawn or a sound is
                named: the likeliest whole sentence of that is often one about the missing picture.

        Yields:
            One result per file; one that cannot be used gives its error, and the rest goes on.

        Raises:
            InputError: An option or `batch_size` makes no sense.
        """
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}, but must be 1 or more.")
        sampling, words = split_options(options)
        searched = words
        if options.get("num_beams") is None and not words.do_sample:
            searched = replace(words, num_beams=CAPTION_BEAMS)
        if question is None:
            phrase = wording(language).phrase
            of_pictures = Asked(phrase(CAPTION_REQUEST), searched)
            of_sounds = Asked(phrase(HEARING_QUESTION), words)
        else:
            of_pictures = of_sounds = Asked(question, searched)
        return caption_in_batches(
            self.encoder,
            as_list(paths),
            of_pictures,
            of_sounds,
            sampling,
            batch_size,
            with_confidence,
        )

    def embed(self, paths: Media, *, sampling: FrameSampling | None = None) -> Iterator[Embedded]:
        """Turns files into vectors for other tasks: classifying, grouping, comparing.

        The decoder is not asked; a model loaded with `decoder_layers=False` does.

        Args:
            paths: Video, picture or sound files, or one.
            sampling: Which moments to look at; 8 evenly spread frames and all sound if absent.

        Yields:
            One result per file, in the order given; one that cannot be used gives its error, and
            the rest goes on.
        """
        return embed_files(self.encoder, as_list(paths), sampling or FrameSampling())

    def knows_language(self, code: str) -> bool:
        """Whether the model is declared to know a language, "zh" for example."""
        return code in (self.model.config.languages or ())

    def _about(self, media: Media, question: str, options: AskOptions) -> Chat:
        self.processor.require_known_language(question)  # before the files are opened
        return Chat(
            self.model, self.processor, media, self.encoder, first_question=question, **options
        )


def _may_be_rounded(model: "VideoLlamaForConditionalGeneration") -> bool:
    """Whether "auto" means int8: a released model gives the numbers of the original instead."""
    from videollama.model.decoder_graph import is_supported

    config = model.config
    return (
        model.device.type == "cpu" and config.family == "tiny" and is_supported(config.text_config)
    )


def _put_on_onnx_runtime(model: "VideoLlamaForConditionalGeneration") -> None:
    """Exchange the parts that ONNX Runtime computes faster; of those, the decoder is rounded."""
    from videollama.model.efficientnet_lite import EfficientNetLite
    from videollama.model.int8_decoder import Int8Decoder
    from videollama.model.onnx_encoder import OnnxEncoder

    if model.config.text_config.num_hidden_layers:
        model.language_model = Int8Decoder(model.language_model)
    for name in ("vision_encoder", "audio_encoder"):
        encoder = getattr(model, name)
        if isinstance(encoder, EfficientNetLite):
            setattr(model, name, OnnxEncoder(encoder))
