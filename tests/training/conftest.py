"""A data folder of coloured photos and tones, a tiny decoder on disk, and recipes of that size."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.model.small_models import DECODER, build, released
from videollama.processing import VideoLlamaProcessor
from videollama.prompts import LegacyLlamaTokenizer
from videollama.training.recipe import Recipe
from videollama.training.recipe_file import check_recipe

COLOURS = {"dog": (200, 30, 30), "car": (30, 200, 30), "boat": (30, 30, 200)}
CAPTIONS = {
    "dog": ["A dog runs over the grass .", "Two dogs play .", "The dog runs .", "A dog ."],
    "car": ["A red car on the street .", "The car stands there .", "A car on a street ."],
    "boat": ["A boat in the water .", "The boat lies in the water .", "Someone in a boat ."],
}
LABELS = ("dog", "rain", "train")


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory):
    """Nine training and three validation photos; nine training and three validation sounds."""
    folder = tmp_path_factory.mktemp("data")
    write_photos(folder / "flickr8k")
    write_sounds(folder / "esc50")
    return folder


def write_photos(folder):
    (folder / "images").mkdir(parents=True)
    lines = []
    for number in range(12):
        name = list(COLOURS)[number % 3]
        colour = np.array(COLOURS[name], dtype=np.uint8) + np.uint8(number)
        Image.fromarray(np.full((40, 48, 3), colour)).save(folder / "images" / f"{number}.png")
        split = "val" if number >= 9 else "train"
        row = {"image": f"{number}.png", "split": split, "captions": CAPTIONS[name]}
        lines.append(json.dumps(row) + "\n")
    (folder / "captions.jsonl").write_text("".join(lines))


def write_sounds(folder):
    (folder / "audio").mkdir(parents=True)
    lines = ["file,fold,class_id,label"]
    for number in range(12):
        time = np.arange(5 * 16_000) / 16_000
        tone = np.sin(2 * np.pi * (300 + 400 * (number % 3) + number) * time) * 8000
        with wave.open(str(folder / "audio" / f"{number}.wav"), "wb") as stream:
            stream.setparams((1, 2, 16_000, 0, "NONE", ""))
            stream.writeframes(tone.astype(np.int16).tobytes())
        lines.append(f"{number}.wav,{1 + number // 3},{number % 3},{LABELS[number % 3]}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def frozen_parts(tmp_path_factory, tiny_config, tiny_model, tiny_tokenizer):
    """The tiny model's decoder and image encoder as files."""
    folder = tmp_path_factory.mktemp("frozen")
    tiny_model.language_model.save_pretrained(folder / "decoder")
    tiny_tokenizer.save_pretrained(folder / "decoder")
    save_file(tiny_model.vision_encoder.state_dict(), folder / "vision_encoder.safetensors")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Where features are kept between tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def small(frozen_parts, cache):
    """Shrinks a recipe's content to seconds."""

    def shrink(content: dict, **changes) -> dict:
        encoder = {"width_multiplier": 0.25, "depth_multiplier": 0.25, "hidden_size": 24}
        reader = {
            "hidden_size": 16,
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "intermediate_size": 16,
            "vocab_size": 8,
        }
        shrunk = {
            **content,
            "network": {
                "decoder": str(frozen_parts / "decoder"),
                "vision_weights": str(frozen_parts / "vision_encoder.safetensors"),
                "image_size": 64,
                "vision_encoder": dict(encoder),
                "sound_encoder": dict(encoder),
                "video_reader": dict(reader),
                "audio_reader": dict(reader),
                "num_video_query_tokens": 3,
                "num_audio_query_tokens": 2,
            },
            "data": {"cache": str(cache), "num_views": 3, "num_sound_variants": 4},
            "training": {
                **content.get("training", {}),
                "max_steps": 4,
                "batch_size": 3,
                "learning_rate": 1e-3,
                "warmup_steps": 1,
                "log_every": 1,
                "validate_every": 2,
                "validation_samples": 3,
                "save_every": 2,
            },
            "start_from": [],
        }
        if content["stage"] == "sound_encoder":
            shrunk["sound"] = {**content.get("sound", {}), "start": "random"}
        if content["stage"] != "sound_encoder":
            shrunk["words"] = {**content.get("words", {}), "min_samples": 2}
        for path, value in changes.items():
            section, _, key = path.partition("__")
            if key:
                shrunk.setdefault(section, {})[key] = value
            else:
                shrunk[section] = value
        return shrunk

    return shrink


@pytest.fixture(scope="session")
def make_recipe(small):
    """A small recipe of a stage; changes are given as section__key=value."""

    def make(stage: str, **changes) -> Recipe:
        return check_recipe(small({"stage": stage}, **changes), "test")

    return make


@pytest.fixture
def lines():
    """What a run reports: a list that can be called."""

    class Lines(list):
        def __call__(self, line):
            self.append(line)

    return Lines()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def released_folder(tmp_path_factory):
    """A small model with all the parts of the released ones, ImageBind's vision trunk too."""
    words = LegacyLlamaTokenizer.from_pretrained(Path(__file__).parents[1] / "fixtures/tokenizer")
    vocabulary = len(words)
    config = released(
        text_config={**DECODER, "vocab_size": vocabulary},
        prompt_template="vicuna",
        video_token_id=vocabulary,
        audio_token_id=vocabulary + 1,
    )
    folder = tmp_path_factory.mktemp("released") / "model"
    build(config).save_pretrained(folder)
    VideoLlamaProcessor(config, words).save_pretrained(folder)
    return folder
