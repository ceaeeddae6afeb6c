"""Read recipes from YAML; every key is checked before anything is read or trained."""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from videollama.errors import RecipeError
from videollama.training.finetune_recipe import FinetuneRecipe
from videollama.training.recipe import (
    AnyRecipe,
    InstructRecipe,
    Section,
    SoundEncoderRecipe,
    Stage,
    WordsRecipe,
)

_RECIPES: dict[str, type[AnyRecipe]] = {
    "sound_encoder": SoundEncoderRecipe,
    "video_pretrain": WordsRecipe,
    "audio_pretrain": WordsRecipe,
    "instruct": InstructRecipe,
    "finetune": FinetuneRecipe,
}


class _Loader(yaml.SafeLoader):
    """YAML that takes 1e-3 for a number, as everybody does who writes one."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def load_recipe(file: Path, overrides: Sequence[str] = ()) -> AnyRecipe:
    """Read and check a recipe.

    Args:
        file: YAML.
        overrides: "section.key=value" pairs that replace or add values; values are YAML.

    Raises:
        RecipeError: The file or a pair cannot be read, a key is unknown (the nearest valid one is
            named) or a value is not usable.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise RecipeError(
            f"{file} does not exist; name a recipe such as recipes/tiny_instruct.yaml."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{file} cannot be read as YAML: {_one_line(error)}.") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{file} holds no keys and values; a recipe begins with `stage: …`.")
    for pair in overrides:
        _override(content, pair)
    return check_recipe(content, str(file))


def check_recipe(content: Mapping[str, Any], origin: str) -> AnyRecipe:
    """Turn keys and values into a recipe; see :func:`load_recipe`."""
    stage = content.get("stage")
    if stage not in _RECIPES:
        raise RecipeError(f"{origin}: stage is {stage!r}; use {', '.join(get_args(Stage))}.")
    shape = _RECIPES[stage]
    _refuse_unknown_keys(shape, content, origin, ())
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        given = "" if first["type"] == "missing" else f", got {first['input']!r}"
        raise RecipeError(f"{origin}: {place}: {first['msg'].lower()}{given}.") from None


def _override(content: dict[str, Any], pair: str) -> None:
    path, equals, value = pair.partition("=")
    if not equals or not path:
        raise RecipeError(f"--set {pair!r} is not of the form section.key=value.")
    *sections, key = path.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise RecipeError(f"--set {pair!r}: {section} holds a value, not a section.")
    try:
        content[key] = yaml.load(value, _Loader)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {pair!r}: {_one_line(error)}.") from error


def _refuse_unknown_keys(
    shape: type[Section], content: Mapping[str, Any], origin: str, path: tuple[str, ...]
) -> None:
    for key, value in content.items():
        field = shape.model_fields.get(key)
        if field is None:
            raise RecipeError(
                f"{origin}: unknown key {_dotted(path, key)}; {_advice(shape, path, key)}"
            )
        several = isinstance(value, list)  # of sections
        shapes = [field.annotation, *get_args(field.annotation)]
        inner = next((s for s in shapes if isinstance(s, type) and issubclass(s, Section)), None)
        if inner is not None:
            for each in value if several else [value]:
                if isinstance(each, Mapping):
                    _refuse_unknown_keys(inner, each, origin, (*path, key))


def _advice(shape: type[Section], path: tuple[str, ...], key: object) -> str:
    nearest = difflib.get_close_matches(str(key), shape.model_fields, n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {_dotted(path, nearest[0])}?"
    return f"valid keys are {', '.join(sorted(shape.model_fields))}."


def _dotted(path: tuple[str, ...], key: object) -> str:
    return ".".join([*path, str(key)])


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
