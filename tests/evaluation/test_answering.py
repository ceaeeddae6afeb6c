import torch

from videollama.evaluation.answering import EngineAnswerer
from videollama.evaluation.tasks import silent_video
from videollama.media.clip import Clip


def noise(seed, num_frames=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (num_frames, 32, 32, 3), generator=generator).to(torch.uint8)


def test_a_batch_answers_as_each_question_alone(assistant, tmp_path):
    """Also when some see, some hear, and some, blind, get nothing."""
    answerer = EngineAnswerer(assistant)
    waveform = torch.rand(1, 48_000, generator=torch.Generator().manual_seed(2)) - 0.5
    clips = [
        silent_video(tmp_path, noise(0)),
        None,
        silent_video(tmp_path, noise(1, 5)),
        Clip(tmp_path, "audio", duration_seconds=3.0, waveform=waveform, audio_status="present"),
    ]
    questions = ["What is it?", "What do you hear, and why?", "Who?", "What do you hear?"]
    together = answerer.answer(clips, questions, 8)
    alone = [
        answerer.answer([clip], [question], 8)[0]
        for clip, question in zip(clips, questions, strict=True)
    ]
    assert together == alone
    assert all(isinstance(answer, str) for answer in together)


def test_beams_find_what_ask_finds_with_beams(assistant, tmp_path):
    clip = silent_video(tmp_path, noise(0))
    [answer] = EngineAnswerer(assistant, num_beams=4).answer([clip], ["What is it?"], 8)
    assert answer == assistant.ask(clip, "What is it?", max_new_tokens=8, num_beams=4).text


def test_the_fingerprint_follows_the_weights(assistant):
    answerer = EngineAnswerer(assistant)
    before = answerer.fingerprint()
    assert before == EngineAnswerer(assistant).fingerprint()
    weight = next(assistant.model.parameters())
    with torch.no_grad():
        kept = weight.clone()
        weight += 1.0
        after = answerer.fingerprint()
        weight.copy_(kept)
    assert after != before
    assert answerer.fingerprint() == before
