import json

from tests.cli.command import videollama


def test_what_is_missing_comes_with_its_remedy(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "not there yet"))
    shown = videollama(capsys, "doctor")
    assert shown.code == 2
    assert "videollama pull" in shown.err
    assert str(tmp_path / "not there yet") in shown.out


def test_json_names_versions_device_and_problems(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path))
    report = json.loads(videollama(capsys, "doctor", "--json").out)
    assert report["torch"]
    assert report["device"]
    assert len(report["problems"]) == 1


def test_a_full_disk_is_a_problem_only_while_something_is_missing(capsys, monkeypatch, tmp_path):
    from types import SimpleNamespace

    from videollama.checkpoints import pull
    from videollama.cli import doctor

    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**8))
    assert any("0.1 GB are free" in problem for problem in doctor.examine()["problems"])
    monkeypatch.setattr(pull, "missing_parts", list)
    assert videollama(capsys, "doctor").code == 0


def test_a_package_for_another_torch_is_named(monkeypatch):
    from videollama.cli import doctor

    found = {"torch": "2.13.0+cpu", "torchvision": "0.29.0"}
    monkeypatch.setattr(doctor, "_version_of", lambda name: found.get(name, "1.0+cpu"))
    problems = doctor.examine()["problems"]
    assert any("pip uninstall torchvision" in problem for problem in problems)


def test_a_cache_that_is_a_file_is_a_problem(capsys, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "cache"))
    assert "cache cannot be written; set VIDEOLLAMA_CACHE" in videollama(capsys, "doctor").err


def test_the_cache_of_encoded_files_is_shown_and_cleared(capsys, monkeypatch, tmp_path):
    import torch

    from videollama.inference.media_store import MediaStore

    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path))
    MediaStore().put("ab12", torch.zeros(500_000))
    report = json.loads(videollama(capsys, "doctor", "--json").out)
    assert report["media_cache"] == str(tmp_path / "media")
    assert report["media_cache_mb"] == 2.0
    assert "0.0" in videollama(capsys, "doctor", "--clear-cache").out
    assert MediaStore().get("ab12") is None


def test_the_memory_of_a_model_is_estimated_as_a_table(capsys):
    shown = videollama(capsys, "doctor", "--estimate", "tiny", "--context", 100)
    assert shown.code == 0
    head, *rows = shown.out.splitlines()
    assert head.split() == ["GB", "weights", "float32", "bfloat16", "8-bit", "4-bit"]
    assert [row.split()[0] for row in rows[:5]] == [
        *("picture", "sound", "decoder", "cache", "together"),
    ]
    assert "cache of 100 tokens" in shown.out


def test_the_estimate_is_there_for_scripts(capsys):
    found = json.loads(videollama(capsys, "doctor", "--estimate", "tiny", "--json").out)
    assert found["total_bytes"]["float32"] == sum(found["bytes"]["float32"].values())


def test_an_estimate_needs_a_model_that_is_known(capsys):
    assert videollama(capsys, "doctor", "--estimate", "8B").code == 2
    assert "name the model" in videollama(capsys, "doctor", "--context", 5).err
