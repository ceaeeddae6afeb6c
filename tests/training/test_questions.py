from collections import Counter
from random import Random

import pytest

from videollama.training.questions import (
    CANNOT_SEE,
    IMAGE_SOUND,
    NO_TRACK,
    SILENT,
    ClipFacts,
    caption_question,
    heard,
    picture_questions,
    scene_questions,
    short_questions,
    sound_questions,
)

DOGS = ("Two black dogs run on the beach.", "Two dogs are running on a beach.", "Dogs play.")
CARS = ("A red car stands on a street.", "A car is parked on a street.", "The car is red.")


def all_questions(facts, tries=60):
    """Every question that is ever made about a clip, with its answers."""
    asked = {}
    for seed in range(tries):
        draw = Random(seed)
        heard_and_seen = sound_questions(facts, draw, 99)
        heard_and_seen += picture_questions(facts, draw, 99, Counter())
        for question in heard_and_seen:
            asked.setdefault(question.text, set()).update(question.answers)
    return asked


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (ClipFacts("video", (DOGS,), "absent"), NO_TRACK),
        (ClipFacts("video", (DOGS,), "silent"), SILENT),
        (ClipFacts("image", (DOGS,), "absent"), IMAGE_SOUND),
        (ClipFacts("audio", (), "present", "rain"), "I hear rain falling."),
    ],
)
def test_what_is_heard_is_said(facts, sentence):
    assert heard(facts) == sentence
    assert all_questions(facts)["What do you hear?"] == {sentence}


def test_a_sound_without_picture_cannot_be_seen():
    asked = all_questions(ClipFacts("audio", (), "present", "rain"))
    assert asked["What do you see?"] == {CANNOT_SEE}
    assert not any(text.startswith("Is there a ") for text in asked)


def test_present_things_are_affirmed_and_absent_ones_denied():
    asked = all_questions(ClipFacts("video", (DOGS,), "absent"))
    assert asked["Is there a dog in the video?"] == {"Yes, there is a dog."}
    denied = [
        text for text, answers in asked.items() if any(a.startswith("No, I do") for a in answers)
    ]
    assert denied
    assert not any("a dog" in text for text in denied)


def test_the_order_of_scenes_is_told():
    asked = all_questions(ClipFacts("video", (DOGS, CARS), "absent"))
    which = {
        text: answers for text, answers in asked.items() if text.startswith("Which comes first")
    }
    assert which
    assert all(
        a.startswith("First ") and ", then " in a for answers in which.values() for a in answers
    )
    assert which["Which comes first, a car or a dog?"] == {"First a dog, then a car."}


def test_two_scenes_are_told_apart_and_as_a_story():
    story, first, last = scene_questions(ClipFacts("video", (DOGS, CARS), "absent"), Random(0), 2)
    assert all(text.startswith("First ") and ", then " in text for text in story.answers)
    assert set(first.answers) <= set(DOGS)
    assert set(last.answers) <= set(CARS)
    assert len(first.answers) == len(last.answers) == 2


def test_short_questions_are_decided_by_one_word():
    asked = short_questions(ClipFacts("video", (DOGS, CARS), "absent"), Random(0), 2, 1, Counter())
    assert all(question.is_opening for question in asked)
    openings = [question.answers[0] for question in asked if question.text.startswith("Is there")]
    assert openings.count("Yes") == openings.count("No") > 0
    assert any(question.answers[0].startswith("First ") for question in asked)


def test_details_are_read_from_captions():
    dogs = all_questions(ClipFacts("video", (DOGS,), "absent"))
    assert dogs["How many dogs are there?"] == {"There are two dogs."}
    cars = all_questions(ClipFacts("image", (CARS,), "absent"))
    assert cars["What colour is the car?"] == {"The car is red."}
    assert cars["Where is this?"] == {"On a street."}


def test_a_description_may_be_any_caption():
    question = caption_question(ClipFacts("image", (DOGS,), "absent"), Random(0), 2)
    assert len(question.answers) == 2
    assert set(question.answers) <= set(DOGS)
