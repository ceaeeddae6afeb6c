"""Files of tensors: what is read, and what is refused without being run."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from videollama.checkpoints.tensor_files import read_checkpoint, read_tensor_file, read_tensors
from videollama.errors import CheckpointError


class Malicious:
    """Runs code when it is unpickled the careless way."""

    def __reduce__(self):
        return print, ("owned",)


def test_whole_and_sharded_both_formats(tmp_path):
    wanted = {"a": torch.arange(3.0), "b": torch.ones(2, 2)}
    for number, name in enumerate(["model.safetensors", "pytorch_model.bin"]):
        save = save_file if name.endswith("safetensors") else torch.save
        whole, sharded = tmp_path / f"whole{number}", tmp_path / f"sharded{number}"
        whole.mkdir()
        sharded.mkdir()
        save(wanted, whole / name)
        for key in wanted:
            save({key: wanted[key]}, sharded / f"{key}-{name}")
        index = {"weight_map": {key: f"{key}-{name}" for key in wanted}}
        (sharded / f"{name}.index.json").write_text(json.dumps(index))
        for folder in (whole, sharded):
            found = read_tensors(folder)
            assert found.keys() == wanted.keys()
            assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_safetensors_go_before_pickles(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    torch.save({"a": torch.ones(1)}, tmp_path / "pytorch_model.bin")
    assert read_tensors(tmp_path)["a"].item() == 0


def test_optimizer_states_are_dropped_and_settings_kept(tmp_path):
    path = tmp_path / "x.pth"
    settings = {"model": {"llama_model": "ckpt/vicuna-7b/"}}
    torch.save(
        {"model": {"w": torch.ones(1)}, "optimizer": {"m": torch.ones(9)}, "config": settings}, path
    )
    tensors, found = read_checkpoint(path)
    assert list(tensors) == ["w"]
    assert found == settings


def test_the_old_pickle_format_is_read_too(tmp_path):
    torch.save({"w": torch.ones(1)}, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    assert read_tensor_file(tmp_path / "x.pth")["w"].item() == 1


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_not_opened(tmp_path, capsys, zipped):
    path = tmp_path / "x.pth"
    torch.save({"model": Malicious()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="asks to run code"):
        read_tensor_file(path)
    assert "owned" not in capsys.readouterr().out


def test_a_plain_pickle_is_not_opened(tmp_path, capsys):
    (tmp_path / "x.bin").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(CheckpointError):
        read_tensor_file(tmp_path / "x.bin")
    assert "owned" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["model.safetensors", "x.pth"])
def test_a_truncated_file_is_half_downloaded(tmp_path, name):
    path = tmp_path / name
    tensors = {"w": torch.ones(1000)}
    if name.endswith("safetensors"):
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match="damaged or half-downloaded"):
        read_tensor_file(path)


@pytest.mark.parametrize("content", [{"a": 1}, [torch.ones(1)], torch.ones(2)])
def test_something_else_than_a_table_of_tensors(tmp_path, content):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="something else"):
        read_tensor_file(tmp_path / "x.pth")


def test_a_folder_without_weights(tmp_path):
    with pytest.raises(CheckpointError, match="holds no weights"):
        read_tensors(tmp_path)
