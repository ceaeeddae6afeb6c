import json

from tests.cli.command import videollama
from videollama.applications import story as stories


def test_a_title_stands_above_its_facts(loaded, clip_file, capsys):
    shown = videollama(capsys, "story", clip_file, "--as", "alt-text")
    assert shown.code == 0
    text, _, facts = shown.out.partition("\n\nFacts:\n")
    assert text
    assert facts.startswith("   0:00.0 - 0:02.0 ")


def test_only_the_text_with_quiet_and_all_of_it_with_json(loaded, clip_file, capsys):
    shown = videollama(capsys, "story", clip_file, "--as", "title", "--quiet")
    assert shown.code == 0
    told = json.loads(videollama(capsys, "story", clip_file, "--as", "title", "--json").out)
    assert told["text"] == shown.out.removesuffix("\n")
    assert (told["style"], told["written_by"], told["refusal"]) == ("title", "facts", None)


def test_a_decoder_that_is_too_small_says_so(loaded, clip_file, capsys, monkeypatch):
    monkeypatch.setattr(stories, "_MOST_NEW_TOKENS", 8)
    shown = videollama(capsys, "story", clip_file)
    assert shown.code == 2
    assert shown.out.startswith("\nFacts:\n")
    assert "decoder is too small for a story" in shown.err
    shown = videollama(capsys, "story", clip_file, "--json")
    assert shown.code == 2
    assert json.loads(shown.out)["text"] is None


def test_bad_files_styles_and_languages_are_refused(loaded, clip_file, tmp_path, capsys):
    shown = videollama(capsys, "story", tmp_path / "missing.mp4")
    assert (shown.code, loaded) == (2, [])
    assert "missing.mp4 does not exist" in shown.err
    assert videollama(capsys, "story", clip_file, "--as", "sonnet").code == 2
    shown = videollama(capsys, "story", clip_file, "--language", "zh")
    assert (shown.code, shown.out) == (2, "")
    assert "The model does not know zh" in shown.err
