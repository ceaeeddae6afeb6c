"""A folder of clips with a table of questions, a tiny model's folder, and recipes for them."""

import pytest

from tests.synthetic import write_clip, write_picture, write_sound
from tests.training.conftest import lines, one_thread  # noqa: F401
from videollama.training.recipe_file import check_recipe

TABLE = """file,question,answer,split
a.mp4,What moves?,A square.,train
b.mp4,,A square moves right.,train
c.png,What is shown?,A square.,train
d.wav,What do you hear?,A tone.,train
a.mp4,Which colour?,Yellow.,train
e.mp4,What moves?,A square.,val
"""


@pytest.fixture(scope="session")
def own_folder(tmp_path_factory):
    """Five samples to learn, one held out."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("a", "b", "e"):
        write_clip(folder / f"{name}.mp4", seconds=1.0, sound=None if name == "b" else "tone")
    write_picture(folder / "c.png")
    write_sound(folder / "d.wav", seconds=1.0)
    (folder / "questions.csv").write_text(TABLE)
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, tiny_model, tiny_processor):
    """The tiny seeded model, whole."""
    folder = tmp_path_factory.mktemp("model") / "model"
    tiny_model.save_pretrained(folder)
    tiny_processor.save_pretrained(folder)
    return folder


@pytest.fixture
def make_finetune(tmp_path, model_folder):
    """A small recipe; changes are given as section__key=value."""

    def make(**changes):
        return check_recipe(small_finetune(model_folder, tmp_path / "cache", **changes), "test")

    return make


def small_finetune(model_folder, cache, **changes):
    """A small recipe's content."""
    content = {
        "stage": "finetune",
        "model": {"load": str(model_folder)},
        "data": {"cache": str(cache)},
        "samples": {"num_frames": 2},
        "training": {
            "max_steps": 4,
            "batch_size": 2,
            "learning_rate": 1e-3,
            "warmup_steps": 1,
            "log_every": 1,
            "validate_every": 2,
            "save_every": 2,
        },
    }
    for path, value in changes.items():
        section, _, key = path.partition("__")
        content.setdefault(section, {})[key] = value
    return content
