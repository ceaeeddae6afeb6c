"""From a configuration and tensors to a model, with every parameter accounted for."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from videollama.checkpoints.skeleton import skeleton_of
from videollama.errors import CheckpointError

if TYPE_CHECKING:
    import torch

    from videollama.configuration import VideoLlamaConfig
    from videollama.model.videollama import VideoLlamaForConditionalGeneration

_SHOWN = 8


def assemble(
    config: "VideoLlamaConfig",
    state_dict: "Mapping[str, torch.Tensor]",
    *,
    places: "Mapping[str, torch.device | int | str]",
    dtype: "torch.dtype",
    origin: str,
    bits: int | None = None,
) -> "VideoLlamaForConditionalGeneration":
    """Build the model and put every tensor in its place.

    Args:
        config: sizes and parts of the model.
        state_dict: tensors by our parameter names.
        places: where its parts go, by their names; "" is all of it.
        dtype: its number type.
        origin: where the tensors come from, for the error's sentence.
        bits: 8 or 4 rounds the weights of the decoder's linear layers to so many; its head and all
            other parts stay as they are.

    Raises:
        CheckpointError: tensors are missing, left over or of another shape; they are listed.
    """
    from videollama.model.videollama import VideoLlamaForConditionalGeneration

    with _quiet_transformers():
        loaded: Any = VideoLlamaForConditionalGeneration.from_pretrained(
            None,
            config=config,
            state_dict=dict(state_dict),
            dtype=dtype,
            device_map=dict(places),
            quantization_config=None if bits is None else _quantization(bits, dtype, state_dict),
            ignore_mismatched_sizes=True,  # reported below, with all the rest
            output_loading_info=True,
        )
    model, report = loaded
    require_all_loaded(report, origin)
    return model.eval()


def require_all_tensors(
    config: "VideoLlamaConfig", state_dict: "Mapping[str, torch.Tensor]", *, origin: str
) -> None:
    """Check, without building the model, that the tensors make it up.

    Args:
        config: sizes and parts of the model.
        state_dict: tensors by our parameter names.
        origin: where the tensors come from, for the error's sentence.

    Raises:
        CheckpointError: tensors are missing, left over or of another shape; they are listed.
    """
    skeleton = skeleton_of(config)
    wanted = {name: tensor.shape for name, tensor in skeleton.state_dict().items()}
    tied = set(skeleton.all_tied_weights_keys)
    report = {
        "missing_keys": wanted.keys() - state_dict.keys() - tied,
        "unexpected_keys": state_dict.keys() - wanted.keys(),
        "mismatched_keys": [
            (name, state_dict[name].shape, shape)
            for name, shape in wanted.items()
            if name in state_dict and state_dict[name].shape != shape
        ],
    }
    require_all_loaded(report, origin)


def require_all_loaded(report: Mapping[str, Any], origin: str) -> None:
    """Refuse what transformers would only warn about.

    Args:
        report: the loading info of `from_pretrained`.
        origin: where the tensors come from.

    Raises:
        CheckpointError: lists missing, unexpected and ill-shaped tensors.
    """
    shapes = [
        f"{key} {tuple(found)} for {tuple(wanted)}"
        for key, found, wanted in report["mismatched_keys"]
    ]
    faults = [
        *_listed("missing", report["missing_keys"]),
        *_listed("not part of the model", report["unexpected_keys"]),
        *_listed("of another shape", shapes),
        *_listed("unreadable", report.get("error_msgs", [])),
    ]
    if faults:
        raise CheckpointError(
            f"The tensors in {origin} do not make up the model: {'; '.join(faults)}."
        )


def _quantization(bits: int, dtype: "torch.dtype", names: Iterable[str]) -> Any:
    """How bitsandbytes rounds the decoder's linear layers; NF4 for 4 bits (arXiv 2305.14314)."""
    import logging

    from transformers import BitsAndBytesConfig

    # It warns of a library for the CPU that it can do without, and at every product of 8 bits that
    # what is read is rounded by way of float16.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    parts = {name.partition(".")[0] for name in names}
    return BitsAndBytesConfig(
        load_in_8bit=bits == 8,
        load_in_4bit=bits == 4,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=["lm_head", *sorted(parts - {"language_model"})],
    )


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Hold back transformers' own report and bar: the same facts come as one sentence."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _listed(what: str, keys: Iterable[str]) -> list[str]:
    names = sorted(keys)
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{more})"]
