"""LoRA: low-rank changes of the decoder, learned beside the branch and merged into the result."""

from collections.abc import Mapping

from torch import Tensor, nn

from videollama.errors import RecipeError
from videollama.training.finetune_recipe import LoraSection
from videollama.training.stages import is_low_rank

_A, _B = ".lora_A.default.weight", ".lora_B.default.weight"


def add_low_rank(decoder: nn.Module, section: LoraSection) -> None:
    """Let linear layers of a decoder change, in place; at first the changes are zero.

    Args:
        decoder: Its weights may be in any number of bits; those of the changes are float32.
        section: The recipe's `lora` section.

    Raises:
        RecipeError: peft is not installed, or `target_modules` names no linear layer.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise RecipeError(
            "The section lora needs peft, which is not installed; run "
            "`pip install 'videollama[lora]'`."
        ) from error
    _check_targets(decoder, section)
    config = LoraConfig(
        r=section.rank,
        lora_alpha=section.alpha,  # type: ignore[arg-type]  # a factor; PEFT takes any number
        lora_dropout=section.dropout,
        target_modules=section.target_modules,
    )
    inject_adapter_in_model(config, decoder)
    for name, parameter in decoder.named_parameters():
        if is_low_rank(name):
            parameter.data = parameter.data.float()


def changed_layers(decoder: nn.Module, section: LoraSection) -> list[tuple[int, int]]:
    """Numbers that each changed layer reads and writes; needs no peft.

    Args:
        decoder: As it is before `add_low_rank`; its weights may be without numbers.
        section: The recipe's `lora` section.

    Raises:
        RecipeError: `target_modules` names no linear layer.
    """
    _check_targets(decoder, section)
    ends = tuple(f".{target}" for target in section.target_modules)  # as PEFT compares
    return [
        (module.in_features, module.out_features)
        for name, module in decoder.named_modules()
        if isinstance(module, nn.Linear) and f".{name}".endswith(ends)
    ]


def merge_low_rank(
    tensors: Mapping[str, Tensor], changes: Mapping[str, Tensor], section: LoraSection
) -> dict[str, Tensor]:
    """Add changes to the weights that they were learned for: W + alpha / rank * B A.

    Args:
        tensors: The model's, by its names.
        changes: What training made of those that `add_low_rank` added.
        section: The recipe's `lora` section.

    Returns:
        All tensors, each in its own number type.
    """
    merged = dict(tensors)
    for name, narrow in changes.items():
        if not name.endswith(_A):
            continue
        layer = name.removesuffix(_A)
        wide = changes[layer + _B]
        weight = tensors[f"{layer}.weight"]
        change = section.alpha / section.rank * (wide.float() @ narrow.float())
        merged[f"{layer}.weight"] = (weight.float() + change).to(weight.dtype)
    return merged


def _check_targets(decoder: nn.Module, section: LoraSection) -> None:
    linear = {n.rsplit(".", 1)[-1] for n, m in decoder.named_modules() if isinstance(m, nn.Linear)}
    wrong = [target for target in section.target_modules if target.rsplit(".", 1)[-1] not in linear]
    if wrong:
        raise RecipeError(
            f"lora.target_modules names {wrong[0]}, which is no linear layer of the decoder; it "
            f"has {', '.join(sorted(linear))}."
        )
