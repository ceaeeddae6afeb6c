"""What memory a run takes, computed from the shapes of a model without numbers."""

from videollama.checkpoints.devices import choose_bits
from videollama.checkpoints.memory_estimate import decoder_bytes
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.finetuning.low_rank import changed_layers
from videollama.training.planned_run import MemorySaving, PlannedPart
from videollama.training.recipe import AnyRecipe

_TRAINED_BYTES = 16  # weight, gradient and AdamW's two means, in float32
_FLOAT32 = 4


def planned_memory(
    model: VideoLlamaForConditionalGeneration,
    parts: tuple[PlannedPart, ...],
    recipe: AnyRecipe,
    num_tokens: int,
) -> dict[str, int]:
    """Bytes that a run takes, by what takes them.

    Args:
        model: Without numbers and without low-rank changes.
        parts: Of the model, and its low-rank changes.
        recipe: What is done.
        num_tokens: Tokens of the longest sample.
    """
    training, text = recipe.training, model.config.text_config
    size = _FLOAT32 if training.precision == "float32" else 2
    of_trained = _TRAINED_BYTES + (0 if training.ema_decay is None else _FLOAT32)
    trained = sum(part.parameters for part in parts if part.trained)
    frozen = sum(p.parameters for p in parts if not p.trained and p.name != "language_model")
    bits, low_rank = None, 0
    if isinstance(recipe, FinetuneRecipe):
        bits = choose_bits(recipe.model.quantization or "")
        low_rank = _kept_by_low_rank(model, recipe)
    # Korthikanti et al. 2022 (arXiv 2205.05198), section 4, for activations of two bytes.
    attention = 5 * text.num_attention_heads * num_tokens / text.hidden_size
    layers = text.num_hidden_layers
    kept = layers * text.hidden_size * (34 + attention) * size / 2 + low_rank
    if isinstance(recipe, FinetuneRecipe) and recipe.training.gradient_checkpointing:
        kept = layers * text.hidden_size * size + kept / layers  # and one layer at a time
    return {
        "decoder": decoder_bytes(model.language_model, bits, size),
        "frozen encoders": frozen * _FLOAT32,
        "trained parts": trained * of_trained,
        "backward pass, at most": int(training.batch_size * num_tokens * kept),
    }


def memory_savings(
    model: VideoLlamaForConditionalGeneration,
    parts: tuple[PlannedPart, ...],
    recipe: AnyRecipe,
    num_tokens: int,
) -> tuple[MemorySaving, ...]:
    """Changes of a recipe that take less; see `planned_memory`.

    What saves most comes first, and last what cuts the longest samples.
    """

    def saved(changed: AnyRecipe, tokens: int = num_tokens) -> int:
        before = planned_memory(model, parts, recipe, num_tokens)
        after = planned_memory(model, parts, changed, tokens)
        return sum(before.values()) - sum(after.values())

    training = recipe.training
    savings = []
    if training.precision == "float32":
        halved = _with(recipe, "training", precision="bfloat16")
        savings.append(MemorySaving("training.precision=bfloat16", saved(halved)))
    if training.batch_size > 1:
        batches = training.gradient_accumulation * training.batch_size
        settings = f"training.batch_size=1 training.gradient_accumulation={batches}"
        savings.append(MemorySaving(settings, saved(_with(recipe, "training", batch_size=1))))
    if not isinstance(recipe, FinetuneRecipe):
        return _most_first(savings)
    if recipe.model.quantization is None and not recipe.training.fsdp:
        rounded = _with(recipe, "model", quantization="4-bit")
        settings, drawback = "model.quantization=4-bit", "not on Apple's MPS"
        saving = MemorySaving(settings, saved(rounded), refused_on="mps", drawback=drawback)
        savings.append(saving)
    if not recipe.training.gradient_checkpointing:
        again = _with(recipe, "training", gradient_checkpointing=True)
        settings, drawback = "training.gradient_checkpointing=true", "steps take a third longer"
        savings.append(MemorySaving(settings, saved(again), drawback=drawback))
    cut, drawback = num_tokens // 2, "longer samples are cut"
    last = MemorySaving(f"samples.max_tokens={cut}", saved(recipe, cut), drawback=drawback)
    return (*_most_first(savings), last)


def _with(recipe: AnyRecipe, section: str, **values: str | int | bool) -> AnyRecipe:
    changed = getattr(recipe, section).model_copy(update=values)
    return recipe.model_copy(update={section: changed})


def _most_first(savings: list[MemorySaving]) -> tuple[MemorySaving, ...]:
    return tuple(sorted(savings, key=lambda saving: -saving.bytes))


def _kept_by_low_rank(model: VideoLlamaForConditionalGeneration, recipe: FinetuneRecipe) -> int:
    """Bytes that the backward pass keeps of a token for low-rank changes, which are float32.

    Of each layer what it reads, after its dropout; the mask of that; and the narrow numbers.
    """
    if recipe.lora is None:
        return 0
    copies = 2 if recipe.lora.dropout else 1
    layers = changed_layers(model.language_model, recipe.lora)
    return sum(_FLOAT32 * (copies * width + recipe.lora.rank) for width, _ in layers)
