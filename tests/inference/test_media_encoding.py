import shutil
from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from tests.synthetic import write_clip, write_picture
from videollama.inference.engine import VideoLlama
from videollama.inference.media_encoding import MediaEncoder
from videollama.inference.media_store import MediaStore
from videollama.inference.messages import question_message
from videollama.inference.scheduling import Request, Scheduler
from videollama.media.decode import read_clip


@pytest.fixture
def store(tmp_path):
    return MediaStore(tmp_path / "media")


@pytest.fixture
def encoded_rows(monkeypatch, tiny_model):
    """How many clips went through each encoder so far."""
    rows = {"frames": 0, "segments": 0}
    frames, segments = tiny_model.encode_video, tiny_model.encode_segments

    def encode_video(features, mask):
        rows["frames"] += len(features)
        return frames(features, mask)

    def encode_segments(values):
        rows["segments"] += len(values)
        return segments(values)

    monkeypatch.setattr(tiny_model, "encode_video", encode_video)
    monkeypatch.setattr(tiny_model, "encode_segments", encode_segments)
    return rows


def assistant_with(assistant, store):
    return VideoLlama(assistant.model, assistant.processor, store)


def test_a_clip_is_encoded_once_whoever_asks(assistant, store, clip_file, encoded_rows, tmp_path):
    expected = assistant.ask(clip_file, "What?", max_new_tokens=5).text
    first = assistant_with(assistant, store).ask(clip_file, "What?", max_new_tokens=5)
    before = dict(encoded_rows)
    copy = shutil.copy(clip_file, tmp_path / "the same under another name.mp4")
    second = assistant_with(assistant, MediaStore(store.folder))
    assert second.ask(copy, "What?", max_new_tokens=5).text == first.text == expected
    [caption] = second.caption(copy, question="What?", max_new_tokens=5, num_beams=1)
    assert caption.answer.text == expected
    scheduler = Scheduler(second.model, second.processor, encoder=second.encoder)
    clips = [read_clip(copy, frame_size=(64, 64))]
    ticket = scheduler.submit(Request([question_message("What?", clips)], clips))
    ticket.cancel()
    ticket.result()
    scheduler.close()
    assert encoded_rows == before


def test_only_new_clips_of_a_question_are_encoded(assistant, store, encoded_rows, tmp_path):
    files = [
        write_picture(tmp_path / "a.png"),
        write_clip(tmp_path / "b.mp4", seconds=1.0),
        write_clip(tmp_path / "c.mp4", seconds=3.0, sound=None),
    ]
    asking = assistant_with(assistant, store)
    asking.ask(files[1], "What?", max_new_tokens=1)
    assert encoded_rows == {"frames": 1, "segments": 1}
    mixed = asking.ask([*files, files[0]], "What?", max_new_tokens=5).text
    assert encoded_rows == {"frames": 3, "segments": 1}
    assert mixed == assistant.ask([*files, files[0]], "What?", max_new_tokens=5).text


def test_other_frames_or_sound_are_another_clip(assistant, store, clip_file):
    clip = read_clip(clip_file)
    louder = replace(clip, waveform=clip.waveform * 0.5)
    fewer = replace(clip, frames=clip.frames[:3], frame_times_seconds=clip.frame_times_seconds[:3])
    encoder = MediaEncoder(assistant.model, assistant.processor, store)
    encoder.encode([question_message("What?", [clip])], [clip])
    for other, found in ((louder, 1), (fewer, 1), (clip, 2)):
        before = store.counts.found
        encoder.encode([question_message("What?", [other])], [other])
        assert store.counts.found - before == found


def test_other_weights_or_settings_are_another_model(assistant, store, clip_file, monkeypatch):
    clip = read_clip(clip_file)

    def found_by_a_new_encoder():
        before = store.counts.found
        encoder = MediaEncoder(assistant.model, assistant.processor, store)
        encoder.encode([question_message("What?", [clip])], [clip])
        return store.counts.found - before

    assert found_by_a_new_encoder() == 0
    assert found_by_a_new_encoder() == 2
    weight = assistant.model.video_projection.weight
    former = weight.detach().clone()
    with torch.no_grad():
        weight[3, 3] += 1e-3
    assert found_by_a_new_encoder() == 0
    with torch.no_grad():
        weight.copy_(former)
    monkeypatch.setattr(assistant.model.config, "max_segments", 4)
    assert found_by_a_new_encoder() == 0
    monkeypatch.undo()
    assert found_by_a_new_encoder() == 2


def test_the_decoder_does_not_matter_to_encoded_clips(assistant, store, clip_file):
    clip = read_clip(clip_file)
    message = question_message("What?", [clip])
    MediaEncoder(assistant.model, assistant.processor, store).encode([message], [clip])
    weight = assistant.model.language_model.lm_head.weight
    former = weight.detach().clone()
    with torch.no_grad():
        weight[0] += 1
    try:
        MediaEncoder(assistant.model, assistant.processor, store).encode([message], [clip])
    finally:
        with torch.no_grad():
            weight.copy_(former)
    assert store.counts.found == 2


def test_words_alone_need_no_encoder(assistant, store):
    encoded = MediaEncoder(assistant.model, assistant.processor, store).encode(
        [question_message("What?", [])], []
    )
    assert encoded.video_embeds is encoded.audio_embeds is None


def test_nothing_is_kept_where_weights_cannot_be_told_apart(assistant, store):
    offloaded = deepcopy(assistant.model)
    offloaded.video_projection.to("meta")
    assert MediaEncoder(offloaded, assistant.processor, store).store is None
