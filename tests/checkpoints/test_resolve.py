"""What a reference means, and what is said when it leads nowhere."""

import json

import pytest

from videollama.checkpoints import hub
from videollama.checkpoints.resolve import resolve, tiny_package_folder
from videollama.errors import CheckpointError, DownloadError, ModelNotFoundError


@pytest.mark.parametrize("ref", [None, "tiny"])
def test_nothing_means_the_default(ref):
    resolved = resolve(ref)
    assert resolved.kind == "tiny"
    assert resolved.folder == tiny_package_folder()


def test_a_folder_of_ours(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "video_llama"}')
    assert resolve(tmp_path).kind == "ours"
    assert resolve(str(tmp_path)).folder == tmp_path


def test_a_folder_as_released(released_folder):
    assert resolve(released_folder).kind == "original"


def test_one_checkpoint_of_such_a_folder(released_folder):
    path = released_folder / "VL_LLaMA_2_7B_Finetuned.pth"
    resolved = resolve(path)
    assert (resolved.kind, resolved.folder) == ("original", released_folder)
    assert resolved.checkpoint == path


def test_a_peft_folder(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    assert resolve(tmp_path).kind == "adapter"


@pytest.mark.parametrize("ref", ["tinny", "video-llama-2-7b-finetund", "./nowhere", "a/b/c.pth"])
def test_an_unknown_name_is_repeated(ref):
    with pytest.raises(ModelNotFoundError) as error:
        resolve(ref)
    assert repr(ref) in str(error.value)


def test_the_nearest_known_name_is_offered():
    with pytest.raises(ModelNotFoundError, match=r"did you mean tiny\?"):
        resolve("tinny")
    with pytest.raises(ModelNotFoundError, match=r"mean DAMO-NLP-SG/Video-LLaMA-2-7B-Finetuned\?"):
        resolve("video-llama-2-7b-finetund")


def test_far_from_everything_all_names_are_given():
    with pytest.raises(ModelNotFoundError, match="known are tiny, DAMO-NLP-SG/"):
        resolve("qqqqqq")


def test_a_name_without_its_owner_is_the_hubs(monkeypatch, released_folder):
    asked = []
    monkeypatch.setattr(
        hub, "download_snapshot", lambda name: asked.append(name) or released_folder
    )
    assert resolve("video-llama-2-7b-finetuned").kind == "original"
    assert asked == ["DAMO-NLP-SG/Video-LLaMA-2-7B-Finetuned"]


def test_a_hub_name_that_does_not_exist_gets_the_nearest(monkeypatch):
    def refuse(name):
        raise ModelNotFoundError(name)

    monkeypatch.setattr(hub, "download_snapshot", refuse)
    with pytest.raises(ModelNotFoundError, match="mean DAMO-NLP-SG/Video-LLaMA-Series"):
        resolve("someone/video-llama-serie")


def test_a_hub_name_without_network_stays_a_download_error(monkeypatch):
    def refuse(name):
        raise DownloadError(name)

    monkeypatch.setattr(hub, "download_snapshot", refuse)
    with pytest.raises(DownloadError):
        resolve("someone/model")


def test_a_language_model_alone_neither_sees_nor_hears(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(CheckpointError, match="'llama', which neither sees nor hears"):
        resolve(tmp_path)


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(CheckpointError, match="holds no Video-LLaMA"):
        resolve(tmp_path)


def test_another_file_is_no_model(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"clip\.mp4 is not a model"):
        resolve(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.safetensors.incomplete", b"x", "half-downloaded"),
        ("model.safetensors", b"", "is empty"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_a_half_fetched_folder_says_so(tmp_path, name, content, reason):
    (tmp_path / "config.json").write_text('{"model_type": "video_llama"}')
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=reason):
        resolve(tmp_path)


def test_shards_that_the_index_names_must_be_there(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "video_llama"}')
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "model-1.safetensors").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"model-2\.safetensors of 2 files"):
        resolve(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_broken_configuration_is_named(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError, match=r"config\.json"):
        resolve(tmp_path)
