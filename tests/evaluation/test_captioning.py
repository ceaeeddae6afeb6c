import pytest

from videollama.evaluation.captioning import CaptionsTask, first_sentence


def test_one_question_per_photo_and_the_peoples_own_words_score_best(photo_folder):
    task = CaptionsTask(photo_folder)
    assert (len(task.samples), task.source) == (12, "split val")
    assert task.samples[0].question == "Describe the picture."
    own = task.judge(task.samples, [sample.truth[0] for sample in task.samples])
    others = task.judge(task.samples, ["A dog lies at anchor."] * 12)
    assert own.numbers["BLEU-4"] == pytest.approx(100.0, abs=1e-3)
    assert own.numbers["CIDEr-D"] > 2 * others.numbers["CIDEr-D"] > 0
    assert next(iter(own.numbers)) == "CIDEr-D"
    assert sum(own.per_sample) / 12 == pytest.approx(own.numbers["CIDEr-D"])


def test_the_limit_draws_the_same_photos_for_the_same_seed(photo_folder):
    def ids(seed):
        return [sample.id for sample in CaptionsTask(photo_folder, limit=5, seed=seed).samples]

    assert len(ids(0)) == 5
    assert ids(0) == ids(0)
    assert ids(0) != ids(1)


def test_one_frame_is_the_photo_and_more_are_a_video(photo_folder):
    photo = CaptionsTask(photo_folder).samples[0].open_clip()
    assert (photo.kind, tuple(photo.frames.shape)) == ("image", (1, 24, 32, 3))
    sample = CaptionsTask(photo_folder, num_frames=6).samples[0]
    video = sample.open_clip()
    assert (video.kind, tuple(video.frames.shape)) == ("video", (6, 24, 32, 3))
    assert video.audio_status == "absent"
    assert sample.question == "Describe the video."


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("A dog. It runs.", "A dog."),
        ("A dog at 5.30 runs", "A dog at 5.30 runs"),
        ("\nA dog\nruns", "A dog"),
        ("", ""),
    ],
)
def test_only_the_first_sentence_is_judged(answer, sentence):
    assert first_sentence(answer) == sentence
