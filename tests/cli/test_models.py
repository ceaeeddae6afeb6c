import json

from tests.cli.command import videollama


def test_every_line_says_what_to_do(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path))
    shown = videollama(capsys, "models")
    assert shown.code == 0
    assert shown.out.startswith("tiny ")
    assert "(run: videollama pull DAMO-NLP-SG/Video-LLaMA-Series)" in shown.out


def test_json_for_scripts(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path))
    models = json.loads(videollama(capsys, "models", "--json").out)
    assert models[0]["name"] == "tiny"
    assert {"name", "status", "what", "needs", "folder"} == models[0].keys()
