import json

import pytest

from tests.cli.command import videollama
from tests.synthetic import write_clip, write_picture, write_sound


@pytest.fixture
def folder(tmp_path):
    """Two good files, a broken one, and one that is no medium."""
    clips = tmp_path / "clips"
    (clips / "deeper").mkdir(parents=True)
    write_picture(clips / "a.png")
    (clips / "b.mp4").write_text("this is text")
    write_sound(clips / "deeper" / "c.wav")
    (clips / "notes.txt").write_text("not a medium")
    return clips


def lines_of(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_one_broken_file_does_not_stop_the_rest(capsys, loaded, folder, tmp_path):
    output = tmp_path / "new folder" / "captions.jsonl"
    shown = videollama(capsys, "caption", folder, "-o", output, "--max-new-tokens", 2)
    lines = lines_of(output)
    assert shown.code == 0
    assert [line["path"].split("clips/")[1] for line in lines] == ["a.png", "b.mp4", "deeper/c.wav"]
    assert ["caption" in line for line in lines] == [True, False, True]
    assert "b.mp4" in lines[1]["error"]
    assert "2 described, 1 could not be used" in shown.err


def test_a_stopped_run_goes_on_where_it_was(capsys, loaded, folder, tmp_path):
    output = tmp_path / "captions.jsonl"
    first = json.dumps({"path": str(folder / "a.png"), "caption": "Kept as it is."}) + "\n"
    output.write_text(first + '{"path": "cut off', encoding="utf-8")
    shown = videollama(capsys, "caption", folder, "-o", output, "--max-new-tokens", 2)
    assert output.read_text(encoding="utf-8").startswith(first)
    assert len(lines_of(output)) == 3
    assert "1 of 3 files are done already" in shown.err


def test_when_all_is_done_no_model_is_loaded(capsys, loaded, folder, tmp_path):
    output = tmp_path / "captions.jsonl"
    videollama(capsys, "caption", folder, "-o", output, "--max-new-tokens", 2)
    before, loads = output.read_text(encoding="utf-8"), len(loaded)
    shown = videollama(capsys, "caption", folder, "-o", output)
    assert shown.code == 0
    assert "1 of them could not be used; remove their lines to try them again" in shown.err
    assert output.read_text(encoding="utf-8") == before
    assert len(loaded) == loads


def test_a_file_that_is_no_list_of_captions_is_left_alone(capsys, loaded, folder, tmp_path):
    output = tmp_path / "diary.txt"
    output.write_text("Dear diary\n", encoding="utf-8")
    shown = videollama(capsys, "caption", folder, "-o", output)
    assert shown.code == 2
    assert "diary.txt is not a list of captions (line 1" in shown.err
    assert output.read_text(encoding="utf-8") == "Dear diary\n"


def test_bytes_that_are_no_text_are_left_alone(capsys, loaded, folder):
    picture = folder / "a.png"
    before = picture.read_bytes()
    shown = videollama(capsys, "caption", folder, "-o", picture)
    assert shown.code == 2
    assert "a.png is not a list of captions" in shown.err
    assert picture.read_bytes() == before


@pytest.mark.parametrize("place", ["/proc/nowhere/x.jsonl", "{folder}/a.png/x.jsonl", "{folder}"])
def test_a_place_that_cannot_be_written_is_told_before_the_model_is_loaded(
    capsys, loaded, folder, place
):
    output = place.format(folder=folder)
    shown = videollama(capsys, "caption", folder, "-o", output)
    assert shown.code == 2
    assert output in shown.err
    assert loaded == []


def test_a_full_disk_is_told_with_the_name_of_the_file(capsys, loaded, folder, tmp_path):
    output = tmp_path / "full.jsonl"
    output.symlink_to("/dev/full")
    shown = videollama(capsys, "caption", folder, "-o", output, "--max-new-tokens", 2)
    assert shown.code == 2
    assert f"{output} could not be written: the disk is full" in shown.err


def test_a_name_of_another_encoding_is_remembered(capsys, loaded, tmp_path):
    strange = write_picture(tmp_path / "b\udcffd.png")
    output = tmp_path / "captions.jsonl"
    words = ("caption", strange, "-o", output, "--max-new-tokens", 2)
    assert videollama(capsys, *words).code == 0
    assert lines_of(output)[0]["path"] == str(strange)
    assert "1 of 1 files are done already" in videollama(capsys, *words).err
    assert "b\\udcffd.png" in videollama(capsys, *words[:2], "--json").out


def test_without_output_every_caption_is_a_line(capsys, loaded, clip_file):
    plain = videollama(capsys, "caption", clip_file, "--max-new-tokens", 4, "--quiet")
    as_json = videollama(capsys, "caption", clip_file, "--max-new-tokens", 4, "--json", "-q")
    line = json.loads(as_json.out)
    assert plain.out == f"{clip_file}: {line['caption']}\n"


def test_nothing_usable_exits_with_2(capsys, loaded, tmp_path):
    (tmp_path / "b.mp4").write_text("this is text")
    assert videollama(capsys, "caption", tmp_path / "b.mp4").code == 2


def test_a_folder_without_media_is_named(capsys, loaded, tmp_path):
    shown = videollama(capsys, "caption", tmp_path)
    assert shown.code == 2
    assert f"in the folder {tmp_path}" in shown.err


def test_another_question_gives_another_prompt(capsys, loaded, tmp_path, assistant):
    clip = write_clip(tmp_path / "a.mp4", seconds=0.5)
    words = ("--question", "What colour?", "--max-new-tokens", 6, "--beams", 1, "-q", "--json")
    shown = videollama(capsys, "caption", clip, *words)
    expected = assistant.ask(clip, "What colour?", max_new_tokens=6)
    assert json.loads(shown.out)["caption"] == expected.text
