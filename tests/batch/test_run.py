import json
from dataclasses import replace
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from videollama.batch import BatchOptions, run_batch
from videollama.errors import DataError, InputError, OutputError

EMBED = BatchOptions("embed")


def rows_in(output):
    """All rows, in the order of their files' names."""
    return pq.read_table(str(output)).to_pylist()


def state_of(output):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in output.iterdir()}


class Stopped(Exception):
    """As if the power went."""


def stop_after(files):
    def stop(progress):
        if progress.done >= files:
            raise Stopped

    return stop


def test_every_file_has_one_row_and_broken_ones_their_reason(in_this_process, folder, tmp_path):
    report = run_batch(str(folder), str(tmp_path / "out"), EMBED, workers=2, block_size=4)
    rows = rows_in(tmp_path / "out")
    assert [Path(row["path"]).name for row in rows] == [
        *("0.png", "1.png", "2.png", "3.png", "4.mp4", "5.wav")
    ]
    assert [row["error"] is None for row in rows] == [True, True, True, True, False, True]
    assert "4.mp4 is not a video" in rows[4]["error"]
    assert len(rows[0]["joint"]) == 32
    assert (rows[0]["audio"], rows[5]["video"]) == (None, None)
    assert (report.files, report.failed, report.blocks) == (6, 1, 2)
    assert in_this_process[0]["decoder_layers"] is False


def test_captions_are_those_of_the_model(in_this_process, assistant, folder, tmp_path):
    options = BatchOptions("caption", question="Who?", asked={"max_new_tokens": 3})
    run_batch(str(folder), str(tmp_path / "out"), options)
    row = rows_in(tmp_path / "out")[0]
    [expected] = assistant.caption(folder / "0.png", question="Who?", max_new_tokens=3)
    assert (row["caption"], row["audio_status"]) == (expected.answer.text, "absent")


def test_analyses_hold_segments_with_their_times(in_this_process, clip_file, tmp_path):
    run_batch(str(clip_file), str(tmp_path / "out"), BatchOptions("analyze"))
    [row] = rows_in(tmp_path / "out")
    assert (row["kind"], row["num_scenes"]) == ("video", 1)
    assert row["segments"][0]["seen"]["confidence"] > 0


@pytest.mark.parametrize("files", [2, 4])
def test_a_stopped_run_goes_on_with_the_blocks_that_are_missing(
    in_this_process, folder, tmp_path, files
):
    output = tmp_path / "out"
    words = (str(folder), str(output), EMBED)
    with pytest.raises(Stopped):
        run_batch(*words, block_size=2, on_progress=stop_after(files))
    (output / ".part-000002.parquet.abc").write_text("half written when it was killed")
    before = state_of(output)
    report = run_batch(*words)  # the size of blocks is as it was
    assert (report.files_before, report.blocks, report.failed) == (files, 3, 1)
    after = state_of(output)
    kept = {name for name in before if name.startswith("part-")}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert len({row["path"] for row in rows_in(output)}) == len(rows_in(output)) == 6
    assert sorted(after) == ["_run.json", *(f"part-00000{n}.parquet" for n in range(3))]


def test_when_all_is_done_no_model_is_loaded(in_this_process, folder, tmp_path):
    words = (str(folder), str(tmp_path / "out"), EMBED)
    first = run_batch(*words)
    loads, before = len(in_this_process), state_of(tmp_path / "out")
    assert run_batch(*words).failed == first.failed == 1
    assert (len(in_this_process), state_of(tmp_path / "out")) == (loads, before)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"options": BatchOptions("caption")}, "was begun with task embed, not caption; repeat"),
        (
            {"options": replace(EMBED, asked={"num_frames": 2})},
            "begun with num_frames absent, not 2; repeat",
        ),
        ({"options": replace(EMBED, model="other/model")}, "with model absent, not other/model"),
        ({"block_size": 3}, "with blocks of 2 files, not 3"),
        ({"source": "fewer"}, "begun with other files .6 of .*media, now 5 of"),
    ],
    ids=["task", "option", "model", "block size", "input"],
)
def test_another_run_is_not_mixed_into_one(in_this_process, folder, tmp_path, change, told):
    output = tmp_path / "out"
    run_batch(str(folder), str(output), EMBED, block_size=2)
    before = state_of(output)
    if change.pop("source", None):
        (folder / "0.png").unlink()
    with pytest.raises(InputError, match=told):
        run_batch(str(folder), str(output), **{"options": EMBED, **change})
    assert state_of(output) == before


def test_other_weights_under_the_same_name_are_refused(in_this_process, folder, tmp_path):
    output = tmp_path / "out"
    with pytest.raises(Stopped):
        run_batch(str(folder), str(output), EMBED, block_size=2, on_progress=stop_after(2))
    note = json.loads((output / "_run.json").read_text())
    (output / "_run.json").write_text(json.dumps({**note, "model_fingerprint": "another"}))
    with pytest.raises(InputError, match="begun with other weights"):
        run_batch(str(folder), str(output), EMBED)


def test_too_many_failures_stop_the_run_after_their_block(in_this_process, folder, tmp_path):
    (folder / "0.png").write_text("broken too")
    words = (str(folder), str(tmp_path / "out"), EMBED)
    with pytest.raises(DataError, match="1 files could not be used, more than the 0"):
        run_batch(*words, block_size=1, max_failures=0)
    assert len(rows_in(tmp_path / "out")) == 1
    assert run_batch(*words, max_failures=2).failed == 2


def test_what_nobody_foresaw_costs_one_file(
    in_this_process, assistant, monkeypatch, folder, tmp_path
):
    embed = type(assistant).embed

    def stumble(self, paths, **keywords):
        if any("2.png" in path for path in paths):
            raise ZeroDivisionError("by zero")
        return embed(self, paths, **keywords)

    monkeypatch.setattr(type(assistant), "embed", stumble)
    run_batch(str(folder), str(tmp_path / "out"), EMBED, block_size=6)
    errors = {Path(row["path"]).name: row["error"] for row in rows_in(tmp_path / "out")}
    assert errors.pop("2.png") == f"{folder / '2.png'}: ZeroDivisionError: by zero"
    assert [name for name, error in errors.items() if error] == ["4.mp4"]


def test_object_storage_is_read_and_written(in_this_process, folder, tmp_path):
    system = fsspec.filesystem("memory")
    system.put(str(folder), "/in", recursive=True)
    names = tmp_path / "names.txt"
    inside = [f"memory://in/{name}" for name in ("0.png", "gone.png", "4.mp4")]
    names.write_text("\n".join([*inside, str(folder / "1.png")]))
    try:
        for _ in range(2):
            report = run_batch(str(names), "memory://out/run", EMBED, block_size=3)
            assert (report.failed, report.blocks) == (2, 2)
        found = pq.read_table("/out/run", filesystem=system).to_pylist()
        stored = sorted(path.rpartition("/")[2] for path in system.find("/out/run"))
    finally:
        for place in ("/in", "/out"):
            system.rm(place, recursive=True)
    assert [row["path"] for row in found] == [*inside, str(folder / "1.png")]
    assert found[1]["error"].startswith("memory://in/gone.png could not be fetched")
    assert found[2]["error"].startswith("memory://in/4.mp4 is not a video")
    assert stored == ["_run.json", "part-000000.parquet", "part-000001.parquet"]
    assert (folder / "1.png").exists()


def test_a_folder_with_other_files_is_left_alone(in_this_process, folder, tmp_path):
    (tmp_path / "diary.txt").write_text("Dear diary")
    with pytest.raises(OutputError, match=r"holds other files \(diary\.txt\) and no run"):
        run_batch(str(folder), str(tmp_path), EMBED)
    assert not (tmp_path / ".lock").exists()


def test_a_damaged_file_of_results_is_named(in_this_process, folder, tmp_path):
    output = tmp_path / "out"
    run_batch(str(folder), str(output), EMBED, block_size=2)
    (output / "part-000001.parquet").write_bytes(b"cut off")
    with pytest.raises(OutputError, match=r"part-000001\.parquet is damaged; remove that file"):
        run_batch(str(folder), str(output), EMBED)
    (output / "part-000001.parquet").unlink()
    assert run_batch(str(folder), str(output), EMBED).files_before == 4
    assert len(rows_in(output)) == 6


@pytest.mark.parametrize("place", ["/proc/nowhere/out", "{folder}/0.png", "{folder}/0.png/out"])
def test_a_place_that_cannot_be_written_is_told_before_a_model_is_loaded(
    in_this_process, folder, place
):
    output = place.format(folder=folder)
    with pytest.raises(OutputError, match=output):
        run_batch(str(folder), output, EMBED)
    assert in_this_process == []


def test_nothing_is_left_where_the_model_cannot_be_loaded(
    in_this_process, monkeypatch, folder, tmp_path
):
    from videollama.inference.engine import VideoLlama

    def refuse(*_, **__):
        raise InputError("no such model")

    monkeypatch.setattr(VideoLlama, "load", refuse)
    with pytest.raises(InputError, match="no such model"):
        run_batch(str(folder), str(tmp_path / "out"), EMBED)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"task": "story"}, "The task 'story' is unknown; use caption, analyze, embed"),
        ({"task": "embed", "question": "Who?"}, "question means nothing to the task embed"),
        ({"task": "analyze", "asked": {"start_seconds": 1.0}}, "start_seconds means nothing"),
        ({"task": "caption", "asked": {"num_frames": 0}}, "0 frames"),
        ({"task": "caption", "question": " "}, "The question is empty"),
    ],
)
def test_options_that_make_no_sense_are_refused(words, told):
    with pytest.raises(InputError, match=told):
        BatchOptions(**words)
