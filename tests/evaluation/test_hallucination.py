import json

from tests.evaluation.conftest import Scripted
from videollama.evaluation.hallucination import HallucinationTask
from videollama.evaluation.runner import run_task


def honest(clip, question):
    if question == "What do you see?":
        return "There is nothing to see, no dog and no people."
    if question == "What do you hear?":
        return "Rain." if clip.audio_status == "present" else "There is no sound."
    return "No, there is not."


def inventive(clip, question):
    return {"What do you see?": "A dog runs.", "What do you hear?": "A dog is barking."}.get(
        question, "Yes, there is."
    )


def test_one_who_invents_nothing_and_one_who_always_does(photo_folder, sound_folder):
    task = HallucinationTask(photo_folder, sounds=sound_folder, limit=24, num_frames=4)
    kinds = [sample.group for sample in task.samples]
    for kind in ("absent thing", "black video", "no audio track", "silent track"):
        assert kinds.count(kind) == 4
    assert kinds.count("seen, not heard") > 0
    assert kinds.count("heard, not seen") > 0
    good = run_task(task, Scripted(honest))
    assert next(iter(good.numbers)) == "invented"
    assert set(good.numbers.values()) == {0.0}
    assert {record.score for record in good.records} == {100.0}
    bad = run_task(task, Scripted(inventive))
    assert set(bad.numbers.values()) == {100.0}
    assert bad.numbers["invented, heard, not seen"] == 100.0


def test_clips_are_what_their_kind_says(photo_folder, sound_folder):
    task = HallucinationTask(photo_folder, sounds=sound_folder, limit=24, num_frames=4)
    clips = {sample.group: sample.open_clip() for sample in task.samples}
    assert int(clips["black video"].frames.max()) < 8
    assert clips["black video"].audio_status == "absent"
    assert clips["no audio track"].audio_status == "absent"
    assert clips["silent track"].audio_status == "silent"
    assert clips["seen, not heard"].audio_status == "present"
    by_kind = {sample.group: sample for sample in task.samples}
    assert by_kind["seen, not heard"].truth["seen"] == "dog"
    assert by_kind["seen, not heard"].truth["heard"] != "dog"
    heard = by_kind["heard, not seen"].truth["heard"]
    assert by_kind["heard, not seen"].truth["seen"] == f"no {heard}"
    assert by_kind["heard, not seen"].question == f"Is there a {heard} in the video?"


def test_without_sounds_there_are_four_kinds_and_the_mean_is_over_kinds(photo_folder):
    task = HallucinationTask(photo_folder, limit=8, num_frames=4)

    def seeing_things(clip, question):
        return inventive(clip, question) if "see" in question else honest(clip, question)

    summary = run_task(task, Scripted(seeing_things))
    assert summary.numbers["invented"] == 25.0
    assert summary.numbers["invented, black video"] == 100.0
    assert json.dumps(summary.to_dict())
