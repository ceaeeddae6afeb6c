import json

import torch

from tests.checkpoints.original_folder import write_original
from tests.cli.command import videollama


def test_there_and_back(capsys, tmp_path):
    folder = write_original(tmp_path / "Video-LLaMA-2-7B-Finetuned")
    there = videollama(capsys, "convert", folder, tmp_path / "ours", "--json")
    assert there.code == 0
    facts = json.loads(there.out)
    assert facts["path"] == str(tmp_path / "ours")
    assert facts["parameters"] > 10**6
    back = videollama(
        capsys, "convert", tmp_path / "ours", tmp_path / "both.pth", "--to", "original"
    )
    assert back.code == 0
    assert "both.pth: 116 tensors" in back.out
    assert "llama_proj.weight" in torch.load(tmp_path / "both.pth", weights_only=True)["model"]


def test_a_wrong_mix_is_one_sentence_and_exit_code_2(capsys, tmp_path):
    folder = write_original(tmp_path / "mix", decoder="vicuna-7b")
    shown = videollama(capsys, "convert", folder, tmp_path / "ours")
    assert shown.code == 2
    assert "was trained with LLaMA-2-Chat, but vicuna-7b" in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "ours").exists()


def test_an_unknown_model_gets_the_nearest(capsys, tmp_path):
    shown = videollama(capsys, "convert", "video-llama-2-7b-finetund", tmp_path / "ours")
    assert shown.code == 2
    assert "did you mean DAMO-NLP-SG/Video-LLaMA-2-7B-Finetuned?" in shown.err


def test_a_half_downloaded_model(capsys, tmp_path):
    folder = write_original(tmp_path / "half")
    (folder / "llama-2-7b-chat-hf" / "pytorch_model-00001-of-00002.bin").unlink()
    shown = videollama(capsys, "convert", folder, tmp_path / "ours")
    assert shown.code == 2
    assert "half-downloaded: pytorch_model-00001-of-00002.bin" in shown.err


def test_a_taken_place(capsys, tmp_path):
    shown = videollama(capsys, "convert", "tiny", tmp_path)
    assert shown.code == 2
    assert "exists already" in shown.err
