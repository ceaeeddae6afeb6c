import pytest

from videollama.errors import InputError
from videollama.inference.options import WordChoice, split_options


def test_without_options_eight_frames_and_the_likeliest_words():
    sampling, words = split_options({})
    assert sampling.num_frames == 8
    assert words == WordChoice(do_sample=False)
    assert "temperature" not in words.generate_arguments()


def test_a_seed_asks_for_sampling():
    _, words = split_options({"seed": 7, "temperature": 0.5})
    assert words.generate_arguments() == {
        "max_new_tokens": 96,
        "do_sample": True,
        "num_beams": 1,
        "temperature": 0.5,
        "top_p": 0.9,
    }
    assert words.seed == 7


@pytest.mark.parametrize("option", [{"temperature": 0.5}, {"top_p": 0.5}, {"seed": 0}])
def test_an_option_of_sampling_asks_for_it(option):
    assert split_options(option)[1].do_sample
    assert not split_options({**option, "do_sample": False})[1].do_sample


def test_none_means_the_default():
    sampling, words = split_options({"num_frames": None, "start_seconds": 2.0, "top_p": None})
    assert (sampling.num_frames, sampling.start_seconds, words.top_p) == (8, 2.0, 0.9)


def test_an_unknown_option_names_its_nearest_neighbour():
    with pytest.raises(InputError, match=r"'frames' is not an option.*num_frames"):
        split_options({"frames": 3})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_new_tokens", 0),
        ("temperature", 0.0),
        ("temperature", float("inf")),
        ("top_p", 1.5),
        ("num_beams", 0),
        ("seed", -1),
        ("seed", 2**70),
    ],
)
def test_a_senseless_value_is_named(name, value):
    with pytest.raises(InputError, match=f"{name} is {value}"):
        split_options({name: value})
