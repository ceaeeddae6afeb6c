import pytest

from videollama.configuration import VideoLlamaConfig
from videollama.errors import InputError
from videollama.prompts import TEMPLATE_NAMES, Medium, Turn, hears, render


def test_an_unknown_template_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"unknown prompt template 'alpaca'; use one of vicuna"):
        render("alpaca", [Turn("user", ("Q",))], None)


@pytest.mark.parametrize("template", ["billa_native", "ziya_native", "tokenizer"])
def test_a_model_can_say_that_it_wants_a_template(template):
    assert VideoLlamaConfig(prompt_template=template).prompt_template in TEMPLATE_NAMES


@pytest.mark.parametrize("template", [name for name in TEMPLATE_NAMES if name != "tokenizer"])
@pytest.mark.parametrize(
    "medium",
    [
        Medium("video", audio_status=status)
        for status in ("present", "silent", "absent", "undecodable", "not_requested")
    ]
    + [Medium("image"), Medium("image", audio_status="present")]
    + [Medium("audio", False, status) for status in ("present", "silent", "undecodable")],
    ids=str,
)
def test_the_prompt_has_a_place_for_exactly_what_is_given(template, medium):
    pieces = render(template, [Turn("user", (medium, "Q"))], None)
    kinds = [piece.kind for piece in pieces if piece.kind.startswith(("audio", "video"))]
    assert kinds.count("audio") == hears(template, medium)
    seen = kinds[kinds.count("audio") :]
    assert seen in ([["video"], ["video_begin", "video_end"]] if medium.has_picture else [[]])


@pytest.mark.parametrize("template", [name for name in TEMPLATE_NAMES if name != "tokenizer"])
def test_media_belong_to_the_user(template):
    with pytest.raises(InputError, match="only a user's can"):
        render(template, [Turn("user", ("Q",)), Turn("assistant", (Medium("image"),))], None)
    with pytest.raises(InputError, match="must be the first"):
        render(template, [Turn("user", ("Q",)), Turn("system", ("S",))], None)
