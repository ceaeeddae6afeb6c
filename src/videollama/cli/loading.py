"""Loading the model, as every verb that asks it does."""

from typing import TYPE_CHECKING

from videollama.cli.terminal import working

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama


def load_assistant(
    model: str | None,
    device: str,
    dtype: str,
    *,
    quiet: bool,
    no_cache: bool = False,
    decoder_layers: bool = True,
    compiled: bool = False,
) -> "VideoLlama":
    """Loads a model while a spinner turns; torch is imported here and not before.

    Args:
        model: As given by --model.
        device: As given by --device.
        dtype: As given by --dtype.
        quiet: No spinner.
        no_cache: Keep nothing of media on disk, and look for nothing there.
        decoder_layers: False for those who only encode.
        compiled: As given by --compile.

    Raises:
        VideoLlamaError: As `VideoLlama.load` does.
    """
    with working("Loading the model", quiet=quiet):
        from videollama.inference.engine import VideoLlama

        return VideoLlama.load(
            model,
            device=device,
            dtype=dtype,
            cache_media=not no_cache,
            decoder_layers=decoder_layers,
            compiled=compiled,
        )
