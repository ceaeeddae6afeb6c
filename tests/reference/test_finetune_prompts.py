"""Samples read from annotations get the ids and labels that the original gave them."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.reference.test_training_labels import recorded  # noqa: F401
from videollama.errors import DataError
from videollama.prompts import Medium, PlaceholderTokens
from videollama.training.datasets.record import Medium as File
from videollama.training.datasets.record import Place, Turn
from videollama.training.datasets.record import sample as make_sample
from videollama.training.finetune_recipe import SamplesSection
from videollama.training.finetuning.prompting import SamplePrompts
from videollama.training.labels import IGNORED

pytestmark = pytest.mark.reference
TEMPLATES = {"vicuna": "vicuna", "llama_v2": "llama_2"}


def annotated(entry):
    """The recorded conversation as our readers give it, and the facts about its medium."""
    if entry["dataset"] == "llava_instruct":
        spoken = [turn["value"] for turn in entry["conversations"]]
        pairs = zip(spoken[::2], spoken[1::2], strict=True)
        kind, medium = "image", Medium("image")
    else:
        pairs = [(turn["q"], turn["a"]) for turn in entry["QA"]]
        times = tuple(float(seconds) for seconds in re.findall(r"\d+\.\d", entry["msg"]))
        kind, medium = "video", Medium("video", frame_times_seconds=times)
    turns = [Turn(question, answer) for question, answer in pairs]
    place = Place("recorded", "train", Path())
    return make_sample(place, [File(kind, Path("x"))], turns), medium


def test_a_sample_has_the_original_ids_and_labels(recorded):  # noqa: F811
    tokenizer, data = recorded
    compared = 0
    for entry in data["samples"]:
        if any(not turn["a"].strip() for turn in entry.get("QA", [])):
            continue  # our readers refuse empty answers
        count, token_id = entry["num_video_query_token"], data["image_patch_token_id"]
        context = SimpleNamespace(max_position_embeddings=2048)
        processor = SimpleNamespace(
            prompt_template=TEMPLATES[entry["style"]],
            tokenizer=tokenizer,
            placeholders=PlaceholderTokens(token_id, token_id + 1, count, count),
            config=SimpleNamespace(family="released", text_config=context),
        )
        sample, medium = annotated(entry)
        prompts = SamplePrompts(processor, SamplesSection(sound="none", original_masks=True))
        if set(entry["labels"]) == {IGNORED}:  # a loss of NaN in the original
            with pytest.raises(DataError, match="nothing of its answers"):
                prompts.label(sample, [medium], 0)
            continue
        labelled = prompts.label(sample, [medium], 0)
        assert labelled.input_ids == entry["input_ids"], entry["dataset"]
        assert labelled.labels == entry["labels"], entry["dataset"]
        compared += 1
    assert compared > 2
