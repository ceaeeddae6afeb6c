import torch

from videollama.evaluation.answering import EngineAnswerer
from videollama.evaluation.tasks import silent_video
from videollama.inference.messages import question_message
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


def test_the_likeliest_option_is_that_with_the_highest_mean_over_its_tokens(assistant, tmp_path):
    """Each option alone, its prompt and tokens in one row, gives the same likelihood."""
    model, processor = assistant.model, assistant.processor
    clips = [silent_video(tmp_path, noise(0)), silent_video(tmp_path, noise(1, 5)), None]
    questions = ["What is it?", "What do you hear, and why?", "Who?"]
    options = [("dog", "hear a dog", "what"), ("who", "it is"), ("a", "b", "what do you hear")]
    chosen = EngineAnswerer(assistant).choose(clips, questions, options)
    for clip, question, texts, place in zip(clips, questions, options, chosen, strict=True):
        shown = [] if clip is None else [clip]
        inputs = processor([[question_message(question, shown)]], clips=shown)
        means = []
        for text in texts:
            ids = torch.tensor([processor.tokenizer.encode(text, add_special_tokens=False)])
            row = torch.cat([inputs["input_ids"], ids], dim=1)
            media = {k: v for k, v in inputs.items() if k.startswith(("pixel", "audio"))}
            with torch.no_grad():
                logits = model(input_ids=row, attention_mask=torch.ones_like(row), **media).logits
            chances = logits[:, -ids.shape[1] - 1 : -1].log_softmax(dim=-1)
            means.append(float(chances.gather(2, ids[..., None]).mean()))
        assert place == max(range(len(texts)), key=means.__getitem__)
