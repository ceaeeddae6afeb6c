"""A library of a released model: ImageBind's space holds queries, pictures and sounds."""

import shutil

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tests.checkpoints.original_folder import write_original
from videollama.checkpoints.joint_space import load_joint_space
from videollama.checkpoints.load import load_model
from videollama.errors import CheckpointError, DownloadError
from videollama.inference.engine import VideoLlama
from videollama.media.decode import read_clip
from videollama.search.joint_vectors import joint_vectors_of
from videollama.search.media_library import MediaLibrary

START, END = "<|startoftext|>", "<|endoftext|>"


def write_clip_tokenizer(folder):
    """CLIP's in small: bytes between two marks, of which the last has the highest id."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*letters, START])}
    vocabulary[END] = 49_407
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        special_tokens=[(START, vocabulary[START]), (END, vocabulary[END])],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, eos_token=END
    ).save_pretrained(folder)


@pytest.fixture(scope="module")
def released_folder(tmp_path_factory):
    folder = write_original(tmp_path_factory.mktemp("hub") / "Video-LLaMA-2-7B-Finetuned")
    write_clip_tokenizer(folder / "clip-vit-large-patch14")
    return folder


@pytest.fixture(scope="module")
def released(released_folder):
    return VideoLlama(*load_model(released_folder, "cpu", "float32"))


def test_a_query_is_near_what_it_is_near_in_imagebind(released, folder, tmp_path):
    library = MediaLibrary(released, tmp_path / "library")
    report = library.index(folder)
    assert (report.segments, report.failed) == (3, {})
    hits = library.search("a dog", limit=3)
    joint = joint_vectors_of(released)
    query = joint.of_text("a dog")
    side = released.processor.frame_size
    for hit in hits:
        clip = read_clip(hit.files[0], frame_size=side)
        heard = clip if clip.audio_status == "present" else None
        picture, sound = joint.of_segment(None if clip.frames is None else clip, heard)
        for vector, likeness in ((picture, hit.picture_likeness), (sound, hit.sound_likeness)):
            assert (vector is None) == (likeness is None)
            if vector is not None:
                assert likeness == pytest.approx(float(vector @ query), abs=0.01)


def test_a_clip_finds_itself_in_imagebinds_space(released, folder, tmp_path):
    library = MediaLibrary(released, tmp_path / "library")
    library.index(folder)
    [hit] = library.search(like=folder / "inside" / "child.png", limit=1)
    assert hit.files[0].endswith("child.png")
    assert hit.picture_likeness == pytest.approx(1.0, abs=1e-3)


def test_vectors_have_the_length_of_the_shared_space(released):
    joint = joint_vectors_of(released)
    assert joint.width == 48
    long = joint.of_text("word " * 100)
    for vector in (joint.of_text("a dog"), long):
        assert vector.shape == (48,)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_a_model_without_imagebind_has_no_such_space(telling):
    assert joint_vectors_of(telling) is None


def test_a_file_without_the_text_trunk_is_named(released, released_folder, tmp_path, monkeypatch):
    folder = shutil.copytree(released_folder, tmp_path / "copy")
    tensors = torch.load(folder / "imagebind_huge.pth", weights_only=True)
    kept = {name: tensor for name, tensor in tensors.items() if ".text." not in name}
    torch.save(kept, folder / "imagebind_huge.pth")
    monkeypatch.setattr(released.model, "name_or_path", str(folder))
    with pytest.raises(CheckpointError, match=r"imagebind_huge\.pth does not hold .* fetch it"):
        load_joint_space(released.model)


def test_without_the_tokenizer_and_the_hub_both_are_told(
    released, released_folder, tmp_path, monkeypatch
):
    folder = shutil.copytree(released_folder, tmp_path / "copy")
    shutil.rmtree(folder / "clip-vit-large-patch14")
    monkeypatch.setattr(released.model, "name_or_path", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DownloadError, match=r"clip-vit-large-patch14 is not on this machine"):
        load_joint_space(released.model)
