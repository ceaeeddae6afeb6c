"""Shards: read back as they were, by others too; the same again, and after a stop."""

import io
import json
import tarfile

import pytest
import webdataset
from PIL import Image

from tests.training.datasets.folders import WRITERS, question_table
from tests.training.datasets.reading import read
from videollama.errors import DataError, OutputError
from videollama.media.header import read_header
from videollama.training.broken_samples import BrokenSamples
from videollama.training.datasets.packing import pack_shards
from videollama.training.datasets.source import open_source


def packed(folder, out, size=10**9, limit=0):
    broken = BrokenSamples(limit, "--max-broken")
    result = pack_shards(
        open_source(folder), out, shard_bytes=size, broken=broken, progress=lambda done: None
    )
    return result, broken.reasons


def contents(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_reads_back_the_same(tmp_path, name):
    folder = WRITERS[name](tmp_path / "data")
    result, broken = packed(folder, tmp_path / "shards")
    before, _ = read(folder)
    after, unreadable = read(tmp_path / "shards")
    assert (result.samples, broken, unreadable) == (len(before), {}, {})
    for one, other in zip(before, after, strict=True):
        assert (one.turns, one.split, one.system) == (other.turns, other.split, other.system)
        for medium, member in zip(one.media, other.media, strict=True):
            assert (medium.kind, medium.start_seconds) == (member.kind, member.start_seconds)
            assert read_header(member.path) == read_header(medium.path)


def test_shards_are_small_the_same_again_and_go_on_after_a_stop(tmp_path):
    folder = question_table(tmp_path / "data")
    first, _ = packed(folder, tmp_path / "a", size=1)
    assert first.shards > 1
    packed(folder, tmp_path / "b", size=1)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert list(contents(tmp_path / "a"))[:2] == ["shard-000000.tar", "shard-000001.tar"]
    (tmp_path / "b" / "shard-000001.tar").unlink()
    again, _ = packed(folder, tmp_path / "b", size=1)
    assert (again.shards, again.kept) == (first.shards, first.shards - 1)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_shards_of_other_data_are_not_touched(tmp_path):
    folder = question_table(tmp_path / "data")
    packed(folder, tmp_path / "a", size=1)
    table = folder / "questions.csv"
    table.write_text(table.read_text().replace(read(folder)[0][0].turns[0].answer, "Other."))
    before = contents(tmp_path / "a")
    with pytest.raises(OutputError, match=r"shard-000000\.tar holds something else"):
        packed(folder, tmp_path / "a", size=1)
    assert contents(tmp_path / "a") == before
    with pytest.raises(OutputError, match="holds something else"):
        packed(folder, tmp_path / "a")


def test_missing_media_are_named_and_left_out(tmp_path):
    folder = question_table(tmp_path / "data")
    with (folder / "questions.csv").open("a") as table:
        table.write("clips/none.mp4,What?,This.,train\n")
    with pytest.raises(DataError, match=r"1 training samples are broken, more than --max-broken=0"):
        packed(folder, tmp_path / "a")
    _, broken = packed(folder, tmp_path / "b", limit=1)
    assert [reason.endswith("does not exist; check the name") for reason in broken.values()] == [
        True
    ]


def test_the_webdataset_library_reads_them(tmp_path):
    folder = question_table(tmp_path / "data")
    packed(folder, tmp_path / "shards")
    found = list(
        webdataset.WebDataset(str(tmp_path / "shards" / "shard-000000.tar"), shardshuffle=False)
    )
    samples, _ = read(folder)
    conversations = []
    for item in found:
        text = json.loads(item["json"])
        conversations += text if isinstance(text, list) else [text]
        assert {"json", "txt", "mp4", "png", "wav", "jpg"} >= set(item) - {
            "__key__",
            "__url__",
            "__local_path__",
        }
    assert [c["conversations"][1]["value"] for c in conversations] == [
        s.turns[0].answer for s in samples
    ]


def test_shards_of_others_with_captions_as_text_are_read(tmp_path):
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "JPEG")
    with tarfile.open(tmp_path / "00000.tar", "w") as archive:
        for name, content in (
            ("00/1.jpg", picture.getvalue()),
            ("00/1.json", b'{"url": "https://example.org", "status": "success"}'),
            ("00/1.txt", b"A black square."),
            ("00/2.jpg", picture.getvalue()),
        ):
            facts = tarfile.TarInfo(name)
            facts.size = len(content)
            archive.addfile(facts, io.BytesIO(content))
    samples, broken = read(tmp_path / "00000.tar")
    assert [(s.turns[0].question, s.turns[0].answer) for s in samples] == [
        ("<image>", "A black square.")
    ]
    assert read_header(samples[0].media[0].path).has_picture
    assert list(broken) == ["00000.tar, 00/2"]


def test_a_shard_that_was_cut_off_is_told(tmp_path):
    folder = question_table(tmp_path / "data")
    packed(folder, tmp_path / "shards")
    shard = tmp_path / "shards" / "shard-000000.tar"
    shard.write_bytes(shard.read_bytes()[:700])
    with pytest.raises(DataError, match=r"shard-000000\.tar is no tar file, or cut off"):
        read(shard)
    (tmp_path / "no.tar").write_bytes(b"no tar")
    with pytest.raises(DataError, match=r"no\.tar is no tar file"):
        read(tmp_path / "no.tar")
