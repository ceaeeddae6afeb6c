from collections import Counter

import pytest

from videollama.training.clip_mixture import BLACK, WINDOW, ClipMixture, Material
from videollama.training.recipe import ClipsSection

CAPTIONS = [
    ("A dog runs on the grass.", "A dog plays.", "The dog runs."),
    ("A red car stands on a street.", "A car is there.", "The car stands."),
    ("A boat lies in the water.", "A boat is at sea.", "The boat lies still."),
]
MATERIAL = Material(CAPTIONS, ["rain", "train"], num_views=3, num_variants=4)


def mixture(seed=0, **options):
    return ClipMixture(MATERIAL, ClipsSection(**options), seed)


def test_a_clip_follows_from_seed_and_number_alone():
    whole = mixture().take(0, WINDOW + 40)
    later = mixture()
    assert later.take(WINDOW - 3, 9) == whole[WINDOW - 3 : WINDOW + 6]
    assert later.take(5, 2) == whole[5:7]
    assert mixture(seed=1).take(0, 20) != whole[:20]


def test_kinds_come_in_their_shares():
    clips = mixture().take(0, 2000)
    kinds = Counter(
        "black"
        if clip.frames and clip.frames[0][1] == BLACK
        else (clip.kind, len(clip.facts.scenes))
        for clip in clips
    )
    shares = {kind: count / len(clips) for kind, count in kinds.items()}
    assert shares[("image", 1)] == pytest.approx(0.42, abs=0.04)
    assert shares[("audio", 0)] == pytest.approx(0.1, abs=0.03)
    assert shares["black"] == pytest.approx(0.03, abs=0.02)
    assert shares[("video", 1)] == pytest.approx(0.1, abs=0.03)
    assert shares[("video", 2)] == pytest.approx(0.35, abs=0.04)


def test_frames_show_the_scenes_that_are_asked_about():
    for clip in mixture().take(0, 400):
        shown = [photo for _, photo in clip.frames if photo != BLACK]
        assert tuple(CAPTIONS[p] for p in dict.fromkeys(shown)) in (
            clip.facts.scenes,
            clip.facts.scenes[:1] if len(set(clip.facts.scenes)) == 1 else None,
        )
        assert (clip.sound is not None) == (clip.facts.audio == "present")
        assert clip.questions
        assert all(question.answers for question in clip.questions)
        if clip.kind == "audio":
            assert not clip.frames
            assert clip.facts.audio != "absent"


def test_scenes_are_rather_chosen_that_can_be_told_apart():
    clips = mixture(pictures=0.0, sounds=0.0, black=0.0, one_scene=0.0).take(0, 300)
    asked = sum(any("comes first" in q.text for q in clip.questions) for clip in clips)
    assert asked > 0.9 * len(clips)  # by chance two of three


def test_captions_alone_show_single_pictures():
    clips = mixture(questions="captions", captions=2).take(0, 50)
    assert {clip.kind for clip in clips} == {"image"}
    assert all(len(clip.questions) == 1 for clip in clips)
    assert {len(clip.questions[0].answers) for clip in clips} == {2}


def test_yes_and_no_are_balanced():
    asked = Counter(
        answer.split(",")[0]
        for clip in mixture().take(0, 2000)
        for question in clip.questions
        if question.text.startswith("Is there a ")
        for answer in question.answers
    )
    assert asked["Yes"] == pytest.approx(asked["No"], rel=0.1)


def test_every_video_is_asked_about_its_sound_and_a_sound_file_mostly():
    for clip in mixture().take(0, 400):
        about_sound = [
            question
            for question in clip.questions
            if any(word in question.text.lower() for word in ("hear", "sound", "noise"))
        ]
        if clip.kind == "video":
            assert about_sound
        if clip.kind == "audio":
            assert 2 * len(about_sound) > len(clip.questions)


def test_both_orders_of_a_clip_are_asked_side_by_side():
    clips = mixture(pictures=0.0, sounds=0.0, black=0.0, one_scene=0.0, both_orders=1.0).take(0, 60)
    starts = [n for n in range(59) if clips[n].frames[::-1] == clips[n + 1].frames]
    assert len(starts) >= 25
    for one, other in ((clips[n], clips[n + 1]) for n in starts):
        assert one.facts.scenes == other.facts.scenes[::-1]
        assert [q.text for q in one.questions] == [q.text for q in other.questions]
        for question, exchanged in zip(one.questions, other.questions, strict=True):
            [answer], [opposite] = question.answers, exchanged.answers
            assert answer != opposite
            assert {answer[6:], opposite[6:]} == set(question.text[19:-1].split(" or "))
