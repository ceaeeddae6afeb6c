import copy

from videollama.prompts import Medium, Turn, render, tokenize_pieces

TURNS = [
    Turn("user", (Medium("image"), "Q1")),
    Turn("assistant", ("A1",)),
    Turn("user", ("Q2",)),
]
PICTURE = "<Image>(video)</Image>  "


def test_billa_as_published(written):
    prompt = written(render("billa_native", TURNS, None))
    assert prompt == f"<s>Human: {PICTURE}Q1\nAssistant: A1\nHuman: Q2\nAssistant: "


def test_ziya_as_published(written):
    prompt = written(render("ziya_native", TURNS, None))
    assert prompt == f"<s><human>:{PICTURE}Q1\n<bot>:A1\n<human>:Q2\n<bot>:"


def test_both_as_video_llama_showed_them(written):
    medium = Medium("video", frame_times_seconds=(0.0, 1.5))
    turns = [Turn("system", ("",)), Turn("user", (medium, "Q"))]
    for name in ("billa", "ziya"):
        prompt = written(render(name, turns, None))
        assert prompt == "<s>###Human: <Video>(video)</Video> Q###Assistant:"


def test_ziyas_role_names_are_tokens_only_where_the_vocabulary_has_them(
    tiny_tokenizer, placeholders
):
    turns = [Turn("user", ("Q <bot>",))]
    pieces = render("ziya_native", turns, None)
    spelled = tokenize_pieces(pieces, tiny_tokenizer, placeholders).input_ids
    assert tiny_tokenizer.decode(spelled[1:]) == "<human>:Q <bot>\n<bot>:"

    own = copy.deepcopy(tiny_tokenizer)
    own.add_tokens(["<human>", "<bot>"], special_tokens=True)
    ids = tokenize_pieces(pieces, own, placeholders).input_ids
    assert ids.count(own.convert_tokens_to_ids("<human>")) == 1
    assert ids.count(own.convert_tokens_to_ids("<bot>")) == 1  # not the one in the question
