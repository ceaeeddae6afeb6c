import json
import os
from pathlib import Path

import pytest

from tests.synthetic import two_scenes, write_frames, write_picture
from videollama.errors import InputError, LanguageError, MediaError, OutputError
from videollama.search import indexing
from videollama.search.media_library import MediaLibrary
from videollama.search.segment_store import SegmentStore


@pytest.fixture
def understood(monkeypatch):
    """Names of the files that were looked at."""
    names = []
    look = indexing.look_over

    def looking(path):
        names.append(path.name)
        return look(path)

    monkeypatch.setattr(indexing, "look_over", looking)
    return names


def names_of(hits):
    return [Path(hit.files[0]).name for hit in hits]


def with_words(hits):
    return [hit for hit in hits if hit.words]


def ids_in(library):
    rows = SegmentStore(library.folder).all_segments(["id"], 1000)
    return sorted(row["id"] for row in rows)


def test_what_is_seen_and_heard_is_found_with_its_reason(library, folder):
    report = library.index(folder)
    assert (report.added, report.segments, report.failed) == (3, 3, {})
    hits = library.search("A dog runs!")
    assert len(hits) == 3
    gains = [hit.likelihood_gain for hit in hits]
    assert gains == sorted(gains, reverse=True)
    [best] = with_words(hits)
    assert names_of([best]) == ["dog.mp4"]
    assert best.words == ("dog", "runs")
    assert best.likelihood_gain > 0
    assert "words: dog, runs · likelihood x" in best.reason
    assert (best.start_seconds, best.end_seconds) == (0.0, pytest.approx(2.0, abs=0.2))
    assert best.thumbnail.startswith(b"\xff\xd8")
    heard = with_words(library.search("rain falling"))
    assert sorted(names_of(heard)) == ["dog.mp4", "rain.wav"]
    assert [hit.heard for hit in heard] == ["rain falling"] * 2


def test_a_clip_finds_itself_and_what_looks_like_it(library, folder):
    library.index(folder)
    best, *_ = library.search(like=folder / "inside" / "child.png")
    assert names_of([best]) == ["child.png"]
    assert best.picture_likeness == pytest.approx(1, abs=1e-3)
    assert best.likelihood_gain is None
    [sound, *_] = library.search(like=folder / "rain.wav", limit=1)
    assert sound.sound_likeness == pytest.approx(1, abs=1e-3)
    both = library.search("cake", like=folder / "inside" / "child.png")
    assert [hit.words for hit in with_words(both)] == [("cake",)]
    json.dumps([hit.to_dict() for hit in both])


def test_what_is_known_is_not_looked_at_again(library, folder, understood):
    library.index(folder)
    (folder / "dog.mp4").rename(folder / "inside" / "hound.mp4")
    os.utime(folder / "rain.wav", (1, 1))
    (folder / "copy.png").write_bytes((folder / "inside" / "child.png").read_bytes())
    before, understood[:] = ids_in(library), []
    report = library.index(folder)
    assert understood == []
    assert (report.added, report.moved, report.unchanged, report.removed) == (1, 1, 2, 0)
    assert ids_in(library) == before
    [best] = with_words(library.search("dogs"))
    assert names_of([best]) == ["hound.mp4"]
    [child] = with_words(library.search("cake"))
    assert sorted(Path(file).name for file in child.files) == ["child.png", "copy.png"]


def test_what_was_changed_or_removed_is_not_found_any_more(library, folder, understood):
    library.index(folder)
    (folder / "rain.wav").unlink()
    write_picture(folder / "inside" / "child.png", size=(32, 32))
    understood[:] = []
    report = library.index(folder)
    assert understood == ["child.png"]
    assert (report.added, report.unchanged, report.removed, report.segments) == (1, 1, 1, 2)
    assert "rain.wav" not in names_of(library.search("rain"))


def test_another_folder_is_left_alone(library, folder):
    library.index(folder)
    report = library.index(folder / "inside")
    assert (report.unchanged, report.removed, report.segments) == (1, 0, 3)


def test_broken_files_are_named_and_do_not_stop_it(library, folder):
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / os.fsdecode(b"\xff.png")).write_bytes(b"")
    report = library.index(folder)
    assert (report.added, len(report.failed)) == (3, 2)
    assert "broken.mp4" in " ".join(report.failed.values())
    assert any("is not UTF-8; rename the file" in error for error in report.failed.values())


@pytest.mark.parametrize("step", ["add_segments", "put_files", "remove_contents", "tidy"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_stop_at_any_step_neither_loses_nor_doubles_anything(
    library, folder, understood, monkeypatch, step, before
):
    real = getattr(SegmentStore, step)

    def stopping(store, *arguments):
        if not before:
            real(store, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SegmentStore, step, stopping)
        with pytest.raises(KeyboardInterrupt):
            library.index(folder)
    half = MediaLibrary(library.assistant, library.folder)
    half.search("dog")
    report = half.index(folder)
    assert report.segments == len(set(ids_in(half))) == len(ids_in(half)) == 3
    assert sorted(set(understood)) == ["child.png", "dog.mp4", "rain.wav"]
    assert len(understood) == (4 if before and step == "add_segments" else 3)
    assert names_of(with_words(half.search("dog"))) == ["dog.mp4"]


def test_one_frame_can_be_found(library, tmp_path):
    (tmp_path / "media").mkdir()
    write_frames(tmp_path / "media" / "dog.mp4", two_scenes(1))
    assert library.index(tmp_path / "media").segments == 1
    assert names_of(library.search("dog")) == ["dog.mp4"]


def test_folders_without_media_are_refused(library, tmp_path):
    with pytest.raises(InputError, match="no video, picture or sound file"):
        library.index(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        library.index(tmp_path / "missing")


def test_an_emptied_folder_empties_the_library(library, folder):
    library.index(folder)
    for path in ("dog.mp4", "inside/child.png", "rain.wav"):
        (folder / path).unlink()
    assert library.index(folder).removed == 3
    assert library.search("dog") == []


@pytest.mark.parametrize("query", [None, "", "  ", "?!…"])
def test_a_query_without_a_word_is_refused(library, query):
    with pytest.raises(InputError, match="holds no word"):
        library.search(query)


@pytest.mark.parametrize("query", ["the", "dog's AND (", '"dog', "id IN ('a')"])
def test_odd_queries_are_just_words(library, folder, query):
    library.index(folder)
    assert len(library.search(query)) == 3


def test_a_query_in_a_language_that_the_model_does_not_know_is_refused_in_it(library, folder):
    library.index(folder)
    with pytest.raises(LanguageError, match="这个模型不懂中文，只懂英语"):
        library.search("狗")


def test_a_missing_library_is_told(telling, tmp_path):
    with pytest.raises(InputError, match="make one with: videollama index FOLDER --db"):
        MediaLibrary(telling, tmp_path / "missing").search("dog")


def test_a_clip_that_cannot_be_used_is_told(library, folder):
    library.index(folder)
    with pytest.raises(MediaError, match=r"missing\.mp4"):
        library.search(like=folder / "missing.mp4")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"layout": 99}, "another version of videollama"),
        ({"fingerprint": "0"}, "was made with another model"),
        ({"width": "?"}, "is damaged"),
    ],
)
def test_a_library_of_another_version_or_model_is_refused(library, folder, change, sentence):
    library.index(folder)
    note = library.folder / "videollama.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | change))
    again = MediaLibrary(library.assistant, library.folder)
    for use in (lambda: again.search("dog"), lambda: again.index(folder)):
        with pytest.raises(InputError, match=sentence):
            use()


def test_a_folder_that_holds_other_things_is_no_place_for_a_library(library, folder):
    library.folder.mkdir()
    (library.folder / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="holds other files and no library"):
        library.index(folder)


def test_only_one_process_writes(library, folder):
    library.index(folder)
    with (
        SegmentStore(library.folder).only_writer(),
        pytest.raises(InputError, match="Another process is writing"),
    ):
        library.index(folder)


def test_numbers_that_make_no_sense_are_refused(library, folder):
    with pytest.raises(InputError, match="num_frames is 0"):
        library.index(folder, num_frames=0)
    with pytest.raises(InputError, match="limit is 0"):
        library.search("dog", limit=0)
