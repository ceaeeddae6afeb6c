import pytest

from videollama.errors import RecipeError
from videollama.training.recipe_file import load_recipe

RECIPE = """
stage: instruct
training:
  max_steps: 10
  batch_size: 2
  learning_rate: 1e-3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_fills_in_the_default_model(file):
    recipe = load_recipe(file)
    assert recipe.training.learning_rate == 0.001
    assert recipe.network.video_reader.hidden_size == 384


def test_values_can_be_replaced_and_added(file):
    recipe = load_recipe(
        file, ["training.batch_size=7", "clips.questions=captions", "start_from=[runs/a, runs/b]"]
    )
    assert recipe.training.batch_size == 7
    assert recipe.clips.questions == "captions"
    assert recipe.start_from == ["runs/a", "runs/b"]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.learning_rat=1", "unknown key training.learning_rat; did you mean training.le"),
        ("network.video_reader.hiden_size=1", "did you mean network.video_reader.hidden_size?"),
        ("trainin.max_steps=1", "unknown key trainin; did you mean training?"),
        ("qqq=1", "unknown key qqq; valid keys are clips, data, network, seed"),
        ("training.batch_size=big", "training.batch_size: .*integer, got 'big'"),
        ("training.batch_size=0", "training.batch_size: .*greater than 0, got 0"),
        ("clips.questions=none", "clips.questions: .*'captions' or 'all', got 'none'"),
        ("stage=stage_3", "stage is 'stage_3'; use sound_encoder, video_pretrain"),
        ("seed", "--set 'seed' is not of the form"),
        ("seed.x=1", "seed"),
        ("seed=[", "--set 'seed=\\['"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(file, override, sentence):
    with pytest.raises(RecipeError, match=sentence):
        load_recipe(file, [override])


@pytest.mark.parametrize("content", ["- 1", "a: [", "", "stage: instruct"])
def test_what_is_no_recipe_is_refused(tmp_path, content):
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(RecipeError, match=r"bad\.yaml"):
        load_recipe(tmp_path / "bad.yaml")


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"none\.yaml does not exist"):
        load_recipe(tmp_path / "none.yaml")
