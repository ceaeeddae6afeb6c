import pytest
import torch

from tests.synthetic import write_clip, write_picture
from videollama.errors import InputError
from videollama.inference.embedding import embed_clip
from videollama.media.decode import read_clip


def embedded(assistant, file, **options):
    return embed_clip(assistant.encoder, read_clip(file), **options)


def test_a_clip_is_one_vector_of_length_1(assistant, clip_file):
    config = assistant.model.config
    clip = embedded(assistant, clip_file)
    assert clip.vector.shape == (config.text_config.hidden_size,)
    assert clip.vector.norm() == pytest.approx(1, abs=1e-5)
    assert clip.num_tokens == config.num_video_query_tokens + config.num_audio_query_tokens
    assert torch.equal(clip.vector, embedded(assistant, clip_file).vector)


def test_picture_and_sound_both_count(assistant, clip_file, mute_file, tmp_path):
    both, seen = embedded(assistant, clip_file), embedded(assistant, mute_file)
    heard = embedded(assistant, clip_file, sound_only=True)
    assert heard.num_tokens + seen.num_tokens == both.num_tokens
    middle = torch.nn.functional.normalize(seen.vector + heard.vector, dim=0)
    assert torch.allclose(both.vector, middle, atol=1e-5)
    picture = embedded(assistant, write_picture(tmp_path / "a.png"))
    assert picture.num_tokens == seen.num_tokens


def test_what_cannot_be_seen_or_heard_is_refused(assistant, tmp_path):
    silent = write_clip(tmp_path / "mute.mp4", sound=None)
    with pytest.raises(InputError, match="nothing that this model sees or hears"):
        embedded(assistant, silent, sound_only=True)


def test_picture_and_sound_are_given_apart(assistant, clip_file, mute_file):
    both, seen = embedded(assistant, clip_file), embedded(assistant, mute_file)
    assert torch.allclose(both.video, seen.video, atol=1e-5)
    assert seen.audio is None
    heard = embedded(assistant, clip_file, sound_only=True)
    assert heard.video is None
    assert torch.equal(both.audio, heard.audio)
    assert heard.audio.norm() == pytest.approx(1, abs=1e-5)


def test_one_broken_file_does_not_stop_the_others(assistant, clip_file, tmp_path):
    first, second = assistant.embed([tmp_path / "missing.mp4", clip_file])
    assert (first.embedding, second.error) == (None, None)
    assert "does not exist" in first.error
    expected = embedded(assistant, clip_file).vector  # from frames that are made small later
    assert torch.allclose(second.embedding.vector, expected, atol=1e-3)
