import json

import pytest

from tests.cli.command import videollama
from tests.training.datasets.folders import question_table


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """No tokenizer is there unless a test puts one there."""
    monkeypatch.setenv("VIDEOLLAMA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return question_table(tmp_path / "mine")


def row(shown, name):
    """The numbers behind a name in the table."""
    (line,) = [line for line in shown.out.splitlines() if line.strip().startswith(name)]
    return line.strip().removeprefix(name).split()


def test_a_check_shows_counts_and_findings(capsys, folder):
    (folder / "none.csv").write_text("fil,answer\n1,2\n")
    with (folder / "questions.csv").open("a") as stream:
        stream.writelines(f"{number}.mp4,What?,A dog.,train\n" for number in range(4))
    shown = videollama(capsys, "data", "check", folder)
    assert shown.code == 0
    assert f"{folder}/questions.csv: question table, 7 samples, 0 broken" in shown.out
    assert f"not read: {folder}/none.csv: its columns are fil, answer; the nearest is" in shown.out
    assert row(shown, "val") == ["1", "1"]
    assert row(shown, "words a sample") == ["7", "2", "3", "4"]
    assert row(shown, "media missing") == ["4"]
    assert f"    questions.csv, line 5: {folder}/0.mp4 does not exist" in shown.out
    assert "    … and 1 more" in shown.out

    shown = videollama(capsys, "data", "check", folder, "--max-broken", 3, "--quiet")
    assert shown.code == 2
    assert row(shown, "media missing") == ["4"]
    assert "4 samples cannot be used, more than --max-broken=3; mend or remove" in shown.err


def test_a_check_gives_json_and_counts_tokens(capsys, folder, tmp_path, tiny_tokenizer):
    tiny_tokenizer.save_pretrained(tmp_path / "model")
    words = ("data", "check", folder, "--json", "--model", tmp_path / "model", "--decode")
    shown = videollama(capsys, *words)
    assert (shown.code, shown.err) == (0, "")
    facts = json.loads(shown.out)
    assert facts["length_unit"] == "tokens"
    assert facts["lengths"]["minimum"] == len("A tone.")
    assert facts["problems"]["missing"] == {"count": 0, "examples": []}


def test_converting_tells_what_was_left_out(capsys, folder, tmp_path):
    (folder / "b.png").unlink()
    out = tmp_path / "all.jsonl"
    shown = videollama(capsys, "data", "convert", folder, out)
    assert (shown.code, shown.out) == (0, f"{out}: 2 samples of question table, 1 left out.\n")
    assert shown.err == (
        f"left out: questions.csv, line 3: {folder}/b.png does not exist; check the name\n"
    )
    shown = videollama(capsys, "data", "convert", folder, out, "--json")
    assert shown.code == 2
    assert "exists already; choose another place" in shown.err
    out.unlink()
    facts = json.loads(videollama(capsys, "data", "convert", folder, out, "--json").out)
    assert facts["samples"] == 2
    assert list(facts["broken_samples"]) == ["questions.csv, line 3"]


@pytest.mark.parametrize("verb", ["check", "convert"])
def test_mistakes_are_one_sentence(capsys, folder, tmp_path, verb):
    words = ["out.jsonl"] if verb == "convert" else []
    (folder / "questions.csv").write_text("file,qestion,answer\na.mp4,What?,A.\n")
    shown = videollama(capsys, "data", verb, folder, *words)
    assert (shown.code, shown.out) == (2, "")
    assert "'qestion' may be a slip for 'question'" in shown.err
    assert shown.err.count("\n") == 1


def test_a_log_gets_a_line_now_and_then(capsys, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("videollama.cli.data._LOG_EVERY_SECONDS", 0.0)
    shown = videollama(capsys, "data", "check", folder)
    assert shown.err == "1 samples read\n2 samples read\n3 samples read\n"
    shown = videollama(capsys, "data", "convert", folder, tmp_path / "all.jsonl", "--quiet")
    assert shown.err == ""


def test_a_terminal_gets_a_counter(capsys, folder, monkeypatch):
    from rich.console import Console

    terminal = Console(stderr=True, force_terminal=True)
    monkeypatch.setattr("videollama.cli.data.notes", lambda: terminal)
    assert videollama(capsys, "data", "check", folder).code == 0


def test_packing_tells_how_many_and_goes_on(capsys, folder, tmp_path):
    command = ("data", "pack", folder, tmp_path / "shards", "--shard-size", "10kB")
    first = videollama(capsys, *command, "--max-broken", "9")
    assert first.code == 0
    assert f"{tmp_path / 'shards'}: " in first.out
    again = json.loads(videollama(capsys, *command, "--max-broken", "9", "--json").out)
    assert again["kept"] == again["shards"] > 0
    assert videollama(capsys, "data", "check", tmp_path / "shards", "-q").code == 0


@pytest.mark.parametrize("size", ["big", "0", "1XB", "-3"])
def test_a_size_that_is_none_is_one_sentence(capsys, folder, tmp_path, size):
    shown = videollama(capsys, "data", "pack", folder, tmp_path / "out", f"--shard-size={size}")
    assert shown.code == 2
    assert "which is no size; write 500MB or 1GB" in shown.err
