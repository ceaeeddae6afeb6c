import pytest

from tests.evaluation.conftest import scene_of
from videollama.errors import MediaError
from videollama.evaluation.order import OrderTask, thing_said_first
from videollama.media.object_words import OBJECT_WORDS

DOG, BOAT = OBJECT_WORDS["dog"], OBJECT_WORDS["boat"]


def test_every_pair_is_shown_in_both_orders_with_the_same_question(photo_folder):
    task = OrderTask(photo_folder)
    assert len(task.samples) >= 4
    for one, other in zip(task.samples[::2], task.samples[1::2], strict=True):
        assert one.question == other.question
        assert one.truth == {"first": other.truth["second"], "second": other.truth["first"]}


def test_the_clip_shows_the_scenes_in_the_order_of_the_truth(photo_folder):
    for sample in OrderTask(photo_folder).samples:
        clip = sample.open_clip()
        shown = [scene_of(frame) for frame in clip.frames]
        first, second = sample.truth["first"], sample.truth["second"]
        assert len(shown) == 8
        assert shown == sorted(shown, key=[first, second].index)
        assert set(shown) == {first, second}
        assert clip.frame_times_seconds == tuple(0.5 * index for index in range(8))


def test_seeing_answers_score_100_and_blind_ones_50(photo_folder):
    task = OrderTask(photo_folder)
    seen = [f"First a {s.truth['first']}, then a {s.truth['second']}." for s in task.samples]
    assert task.judge(task.samples, seen).numbers == {"order right": 100.0, "clear answers": 100.0}
    blind = [sample.question.split()[4] for sample in task.samples]
    assert task.judge(task.samples, blind).numbers["order right"] == 50.0


def test_the_same_seed_gives_the_same_questions_and_frames(photo_folder):
    one, same = OrderTask(photo_folder, limit=4), OrderTask(photo_folder, limit=4)
    assert [s.id for s in one.samples] == [s.id for s in same.samples]
    assert len(one.samples) == 4
    frames = one.samples[0].open_clip().frames
    assert frames.equal(same.samples[0].open_clip().frames)


def test_a_broken_photo_is_a_media_error(photo_folder):
    for file in (photo_folder / "images").iterdir():
        file.write_bytes(b"not a picture")
    with pytest.raises(MediaError):
        OrderTask(photo_folder).samples[0].open_clip()


@pytest.mark.parametrize(
    ("answer", "thing"),
    [
        ("The dog.", DOG),
        ("First dogs, then a boat.", DOG),
        ("A boat is seen before the dog.", BOAT),
        ("The dog comes after the boat.", BOAT),
        ("After the dog.", DOG),
        ("Neither.", None),
        ("", None),
    ],
)
def test_thing_said_first(answer, thing):
    assert thing_said_first(answer, DOG, BOAT) is thing
    assert thing_said_first(answer, BOAT, DOG) is thing
