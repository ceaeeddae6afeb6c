from threading import Event

import pytest
import torch

from tests.synthetic import write_clip, write_picture, write_sound
from videollama.errors import InputError
from videollama.inference import batching
from videollama.inference.generation import encode_media, write
from videollama.inference.messages import question_message, read_media
from videollama.inference.options import WordChoice
from videollama.media.frame_sampling import FrameSampling

QUESTION = "Describe the video."


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A picture, a mute clip, a broken file, a sound and a longer clip."""
    folder = tmp_path_factory.mktemp("many")
    broken = folder / "c.mp4"
    broken.write_bytes(b"")
    return [
        write_picture(folder / "a.png"),
        write_clip(folder / "b.mp4", seconds=0.5, sound=None),
        broken,
        write_sound(folder / "d.wav", seconds=1.0),
        write_clip(folder / "e.mp4", seconds=5.0),
    ]


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_neighbours_in_the_batch_never_change_a_caption(assistant, files, batch_size):
    results = list(assistant.caption(files, batch_size=batch_size, max_new_tokens=10))
    assert [result.path for result in results] == [str(file) for file in files]
    alone = [
        assistant.ask(file, "What do you hear?", max_new_tokens=10).text
        if file.suffix == ".wav"
        else assistant.ask(file, "Describe the video.", max_new_tokens=10, num_beams=3).text
        for file in files
        if file.name != "c.mp4"
    ]
    assert [result.answer.text for result in results if result.answer] == alone


def test_a_question_is_asked_of_sounds_too(assistant, files):
    sound = files[3]
    [result] = assistant.caption(sound, question="Is it loud?", max_new_tokens=10, num_beams=1)
    assert result.answer.text == assistant.ask(sound, "Is it loud?", max_new_tokens=10).text


def test_with_one_beam_a_caption_is_the_answer_of_ask(assistant, files):
    picture = files[0]
    greedy = assistant.ask(picture, "Describe the video.", max_new_tokens=10).text
    [result] = assistant.caption(picture, max_new_tokens=10, num_beams=1)
    assert result.answer.text == greedy


def test_a_caption_that_is_drawn_is_drawn_without_beams(assistant, files):
    picture = files[0]
    drawn = assistant.ask(picture, "Describe the video.", max_new_tokens=10, seed=4).text
    [result] = assistant.caption(picture, max_new_tokens=10, seed=4)
    assert result.answer.text == drawn


def test_a_broken_file_gives_its_error_in_its_place(assistant, files):
    results = list(assistant.caption(files, batch_size=2, max_new_tokens=1))
    assert [result.error is None for result in results] == [True, True, False, True, True]
    assert "c.mp4" in results[2].error


def test_results_come_batch_by_batch(assistant, files):
    results = assistant.caption([files[0], files[3], "missing.mp4"], batch_size=1, max_new_tokens=1)
    assert next(results).answer is not None
    assert next(results).answer is not None
    assert "missing.mp4" in next(results).error


def test_the_next_files_are_opened_while_the_first_are_answered(assistant, files, monkeypatch):
    second_is_opened = Event()
    read, encode = batching.read_media, assistant.encoder.encode

    def noting_read(item, *arguments):
        if item == files[3]:
            second_is_opened.set()
        return read(item, *arguments)

    def encode_once_it_is(*arguments):
        assert second_is_opened.wait(30)
        return encode(*arguments)

    monkeypatch.setattr(batching, "read_media", noting_read)
    monkeypatch.setattr(assistant.encoder, "encode", encode_once_it_is)
    results = assistant.caption([files[0], files[3]], batch_size=1, max_new_tokens=1)
    assert all(result.answer for result in results)


def test_a_defect_while_opening_is_not_hidden(assistant, files, monkeypatch):
    def broken_read(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(batching, "read_media", broken_read)
    with pytest.raises(RuntimeError, match="a defect"):
        list(assistant.caption(files, max_new_tokens=1))


def test_only_broken_files_need_no_decoder(assistant, files):
    results = list(assistant.caption([files[2], files[2]], batch_size=2))
    assert all(result.error for result in results)


def test_a_senseless_batch_size_is_refused_at_once(assistant, files):
    with pytest.raises(InputError, match="batch_size is 0"):
        assistant.caption(files, batch_size=0)


def test_one_file_may_be_given_by_its_name_alone(assistant, clip_file):
    results = list(assistant.caption(str(clip_file), max_new_tokens=2))
    assert [result.path for result in results] == [str(clip_file)]


@pytest.mark.parametrize("num_beams", [1, 3])
def test_the_confidence_is_the_mean_probability_of_the_tokens(assistant, files, num_beams):
    """Measured again by reading the answer as a part of the prompt."""
    good = [files[0], files[1], files[3]]
    options = {"question": QUESTION, "max_new_tokens": 10, "num_beams": num_beams}
    results = list(assistant.caption(good, batch_size=3, with_confidence=True, **options))
    plain = list(assistant.caption(good, batch_size=3, **options))
    assert [each.answer.text for each in results] == [each.answer.text for each in plain]
    assert [each.answer.confidence for each in plain] == [None] * 3
    for file, result in zip(good, results, strict=True):
        expected = probability_of_answer(assistant, file, num_beams)
        assert result.answer.confidence == pytest.approx(expected, rel=1e-3)


def probability_of_answer(assistant, file, num_beams):
    model, processor = assistant.model, assistant.processor
    side = processor.frame_size[0]
    clips = read_media(file, FrameSampling(), side)
    inputs = processor([question_message(QUESTION, clips)], clips=clips)
    encoded = encode_media(model, inputs)
    words = WordChoice(max_new_tokens=10, num_beams=num_beams)
    ids = write(model, inputs, encoded, words, **processor.stop_arguments())
    whole = torch.cat([inputs["input_ids"], ids], dim=1)
    with torch.no_grad():
        logits = model(
            input_ids=whole,
            attention_mask=torch.ones_like(whole),
            **{k: v for k, v in vars(encoded).items() if k.endswith("embeds") and v is not None},
        ).logits[0, inputs["input_ids"].shape[1] - 1 : -1]
    chosen = logits.log_softmax(dim=-1).gather(1, ids[0][:, None])
    return float(chosen.mean().exp())


def test_what_fills_up_a_row_does_not_count():
    from videollama.inference.generation import _is_behind_the_end

    ids = torch.tensor([[5, 2, 0, 0], [5, 6, 7, 2], [5, 6, 0, 0], [2, 2, 2, 2]])
    behind = _is_behind_the_end(ids, {"eos_token_id": [2], "pad_token_id": 0})
    assert (~behind).sum(dim=1).tolist() == [2, 4, 2, 1]
    alike = _is_behind_the_end(ids, {"eos_token_id": [2], "pad_token_id": 2})
    assert (~alike).sum(dim=1)[[1, 3]].tolist() == [4, 1]
