import json
from dataclasses import replace

import pytest

from videollama.applications import story as stories
from videollama.applications.analysis import Segment, SoundEvent
from videollama.applications.story import Fact, as_lines, facts_of, tell
from videollama.errors import InputError, LanguageError
from videollama.inference import generation
from videollama.inference.segments import Statement
from videollama.languages.catalogue import wording


@pytest.fixture
def film(analysis):
    """A man sits, then two men run while a dog barks."""
    sits, runs = Statement("A man is sitting on a couch.", 0.5), Statement("Two men run.", 0.2)
    segments = (
        Segment(0.0, 4.0, 1, sits),
        Segment(4.0, 9.0, 1, sits),
        Segment(9.0, 12.0, 2, runs),
        Segment(12.0, 15.0, 3),
    )
    sounds = (SoundEvent(9.5, 11.0, "dog barking", 0.8),)
    return replace(analysis, path="film.mp4", segments=segments, sounds=sounds)


@pytest.fixture
def decoder_says(monkeypatch):
    """Lets the decoder write these pieces; tells what it was shown and how many were taken."""

    def says(*pieces):
        taken = []

        def write_streaming(model, inputs, *_, **__):
            for piece in pieces:
                taken.append(piece)
                yield piece

        monkeypatch.setattr(generation, "write_streaming", write_streaming)
        return taken

    return says


@pytest.fixture
def large(monkeypatch):
    """Takes the tiny decoder for a large one."""
    monkeypatch.setattr(stories, "LEAST_PARAMETERS", 0)


def test_the_facts_are_what_is_seen_and_heard_with_times(film):
    assert facts_of(film) == (
        Fact(0.0, 9.0, "seen", "A man is sitting on a couch."),
        Fact(9.0, 12.0, "seen", "Two men run."),
        Fact(9.5, 11.0, "heard", "dog barking"),
    )


def test_a_small_decoder_leaves_title_and_alternative_text_to_the_facts(
    assistant, film, decoder_says
):
    taken = decoder_says("Anything.")
    title = tell(assistant, film, "title", tone="funny")
    assert (title.text, title.written_by) == ("A man sitting on a couch", "facts")
    assert title.tone == "neutral"
    described = tell(assistant, film, "alt-text")
    assert described.text == "A man is sitting on a couch. Two men run. Sound: dog barking."
    assert described.ungrounded == ()
    assert taken == []


def test_a_long_title_ends_where_a_phrase_does(assistant, film):
    seen = Statement("A man in a black shirt is riding a bike in a park with a dog near a lake.", 1)
    long = replace(film, segments=(Segment(0.0, 4.0, 1, seen),))
    text = tell(assistant, long, "title").text
    assert text == "A man in a black shirt riding a bike in a park with a dog"


def test_of_a_sound_the_title_is_its_name(assistant, film):
    sound = replace(film, kind="audio", segments=(Segment(0.0, 4.0, 1),))
    assert tell(assistant, sound, "title").text == "Dog barking"
    assert tell(assistant, sound, "alt-text").text == "Sound: dog barking."


def test_a_small_decoder_that_invents_is_stopped_and_refused(assistant, film, decoder_says):
    taken = decoder_says("A man ", "sits on ", "a red ", "couch. ", "He ", "is happy.")
    told = tell(assistant, film, "story")
    assert (told.text, told.ungrounded) == (None, ("red",))
    assert len(taken) == 3  # not a word more than needed
    assert told.refusal == (
        "The model's decoder is too small for a story: with 0 million parameters it wrote what no "
        "fact has (red); ask for an alternative text or a title, or use a larger model."
    )
    assert told.facts == facts_of(film)


def test_a_small_decoder_that_repeats_itself_is_refused(assistant, film, decoder_says):
    decoder_says("A man sits. ", "A man sits. ", "A man sits. ")
    told = tell(assistant, film, "story")
    assert told.text is None
    assert "the same again and again, or too little" in told.refusal


def test_what_the_facts_bear_out_is_given_of_a_small_decoder_too(assistant, film, decoder_says):
    decoder_says("A man sits on a couch. ", "Then two men run. ", "A dog barked.")
    told = tell(assistant, film, "story")
    assert told.text == "A man sits on a couch. Then two men run. A dog barked."
    assert (told.refusal, told.written_by) == (None, "decoder")


def test_a_large_decoder_writes_freely_and_what_no_fact_has_is_named(
    assistant, film, decoder_says, large
):
    decoder_says("O red couch,\nwhere a man sits!")
    told = tell(assistant, film, "poem", tone="dramatic")
    assert told.text == "O red couch,\nwhere a man sits!"
    assert told.ungrounded == ("o", "red")
    assert as_lines(told)[-1] == "In no fact: o, red"
    assert as_lines(told, wording("zh"))[-1] == "事实中没有的词：o, red"
    assert as_lines(told)[:3] == [
        "   0:00.0 - 0:09.0     A man is sitting on a couch.",
        "   0:09.0 - 0:12.0     Two men run.",
        "   0:09.5 - 0:11.0     [dog barking]",
    ]


def test_the_decoder_is_given_the_facts_the_style_and_the_tone(
    chinese_assistant, film, large, monkeypatch
):
    shown = []
    processor = chinese_assistant.processor
    encode = processor.encode_turns
    monkeypatch.setattr(
        processor, "encode_turns", lambda turns, *more: shown.append(turns) or encode(turns, *more)
    )
    monkeypatch.setattr(stories, "_MOST_NEW_TOKENS", 2)
    tell(chinese_assistant, film, "poem", tone="funny", language="zh")
    system, user = shown[0]
    assert system.text == "你根据事实清单写关于视频的文字。清单里没有的，一概不写。"
    assert user.text.splitlines() == [
        "事实：",
        "- 0:00.0 - 0:09.0, 看到: A man is sitting on a couch.",
        "- 0:09.0 - 0:12.0, 看到: Two men run.",
        "- 0:09.5 - 0:11.0, 听到: dog barking",
        "",
        "写一首四到八行的诗。",
        "语言幽默。",
    ]


def test_of_many_facts_as_many_as_fit_are_shown(assistant, film, decoder_says, large):
    decoder_says("A man.")
    seen = [Segment(n, n + 1, n, Statement(f"Man {n} runs.", 1)) for n in range(100)]
    told = tell(assistant, replace(film, segments=tuple(seen), sounds=()), "post")
    assert len(told.facts) == 40
    assert (told.facts[0].text, told.facts[-1].text) == ("Man 0 runs.", "Man 99 runs.")


def test_nothing_to_write_about_and_unknown_styles_are_refused(assistant, film):
    empty = replace(film, segments=(Segment(0.0, 4.0, 1),), sounds=())
    with pytest.raises(InputError, match=r"Nothing that could be told .* film\.mp4"):
        tell(assistant, empty, "title")
    with pytest.raises(InputError, match="'sonnet' is not known; use one of alt-text, title"):
        tell(assistant, film, "sonnet")
    with pytest.raises(InputError, match="'sad' is not known; use one of neutral"):
        tell(assistant, film, "title", tone="sad")


def test_a_language_that_the_decoder_does_not_know_is_refused(assistant, film):
    with pytest.raises(LanguageError, match="这个模型不懂中文"):
        tell(assistant, film, "story", language="zh")


def test_it_can_be_written_as_json(assistant, film):
    told = tell(assistant, film, "title").to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["facts"][2] == {
        "start_seconds": 9.5, "end_seconds": 11.0, "kind": "heard", "text": "dog barking",
    }  # fmt: skip
