import pytest

from tests.evaluation.conftest import Scripted
from tests.synthetic import write_clip, write_sound
from videollama.evaluation.clip_captions import CaptionedClip, ClipCaptionsTask
from videollama.evaluation.runner import run_task


def test_sounds_and_videos_are_asked_about_in_their_own_words_and_scored(tmp_path):
    sound = write_sound(tmp_path / "a.wav")
    video = write_clip(tmp_path / "b.mp4", seconds=1.0)
    captions = ("A tone is heard", "A long tone plays", "Something beeps")
    task = ClipCaptionsTask(
        [
            CaptionedClip("audio", sound, captions),
            CaptionedClip("video", video, ("A square moves right.",), 0.2, 0.8),
            CaptionedClip("audio", video, ("A tone.",)),
            CaptionedClip("audio", tmp_path / "gone.wav", ("Rain.",)),
        ],
        "AudioCaps, split test",
    )
    assert task.coverage.missing == (str(tmp_path / "gone.wav"),)
    assert [sample.question for sample in task.samples] == [
        "Describe the sound.",
        "Describe the video.",
        "Describe the sound.",
    ]
    part = task.samples[1].open_clip()
    assert (part.start_seconds, part.duration_seconds) == pytest.approx((0.2, 0.6))
    heard = task.samples[2].open_clip()
    assert (heard.kind, heard.frames) == ("audio", None)
    assert heard.waveform is not None
    answers = {"sound": "A long tone plays. And more.", "video": "A dog runs."}
    summary = run_task(
        task, Scripted(lambda clip, question: answers[question.split()[-1].rstrip(".")])
    )
    assert summary.records[0].truth == list(captions)
    assert summary.numbers["BLEU-1"] > 40
    assert summary.records[0].score > summary.records[1].score
