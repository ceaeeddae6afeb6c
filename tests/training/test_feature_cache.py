import numpy as np
import pytest
import torch

from videollama.errors import DataError, MediaError, OutputError
from videollama.training.broken_samples import BrokenSamples
from videollama.training.feature_cache import FeatureCache, fingerprint


class Encoder:
    """Doubles numbers read from files and counts what it is asked."""

    def __init__(self, files):
        self.files, self.read_rows = files, []

    def read(self, row):
        self.read_rows.append(row)
        text = self.files[row].read_text() if self.files[row].exists() else "x"
        try:
            return torch.full((2,), float(text))
        except ValueError:
            raise MediaError("no number") from None

    def encode(self, inputs):
        return inputs * 2


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.txt" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_text(str(number))
    return paths


def filled(tmp_path, files, encoder, limit=0, report=lambda line: None, **key):
    cache = FeatureCache(tmp_path / "cache", "numbers", files, (2,), key)
    broken = BrokenSamples(limit)
    cache.fill(encoder.read, encoder.encode, batch_size=2, broken=broken, report=report)
    return cache, broken


def test_rows_are_computed_once(tmp_path, files, lines):
    encoder = Encoder(files)
    cache, _ = filled(tmp_path, files, encoder, report=lines)
    assert cache[3].tolist() == [6.0, 6.0]
    assert cache[[0, 4]].dtype == np.float16
    filled(tmp_path, files, encoder)
    assert encoder.read_rows == [0, 1, 2, 3, 4]
    assert any("5 of 5 rows" in line and "MB" in line for line in lines)


def test_another_encoder_has_another_cache(tmp_path, files):
    encoder = Encoder(files)
    first, _ = filled(tmp_path, files, encoder, weights="a")
    second, _ = filled(tmp_path, files, encoder, weights="b")
    assert first.folder != second.folder
    assert len(encoder.read_rows) == 10


def test_a_killed_fill_goes_on_where_it_was(tmp_path, files):
    class Killed(BaseException):
        pass

    encoder = Encoder(files)
    encode = encoder.encode

    def killed_in_second_batch(inputs):
        if 2 in encoder.read_rows:
            raise Killed
        return encode(inputs)

    encoder.encode = killed_in_second_batch
    with pytest.raises(Killed):
        filled(tmp_path, files, encoder)
    encoder.encode, encoder.read_rows = encode, []
    cache, _ = filled(tmp_path, files, encoder)
    assert encoder.read_rows == [2, 3, 4]
    assert cache[[0, 1, 2, 3, 4]][:, 0].tolist() == [0, 2, 4, 6, 8]


def test_a_changed_file_is_read_again(tmp_path, files):
    encoder = Encoder(files)
    filled(tmp_path, files, encoder)
    files[1].write_text("100")
    encoder.read_rows = []
    cache, _ = filled(tmp_path, files, encoder)
    assert encoder.read_rows == [1]
    assert cache[1][0] == 200


def test_broken_files_are_named_and_skipped_up_to_the_limit(tmp_path, files):
    files[1].write_text("nonsense")
    files[3].unlink()
    cache, broken = filled(tmp_path, files, Encoder(files), limit=2)
    assert cache.usable.tolist() == [True, False, True, False, True]
    assert broken.reasons == {str(files[1]): "no number", str(files[3]): "no number"}
    with pytest.raises(DataError, match=r"2 training samples are broken.*max_broken=1.*1\.txt"):
        filled(tmp_path, files, Encoder(files), limit=1)


def test_a_mended_file_is_used(tmp_path, files):
    files[1].write_text("nonsense")
    filled(tmp_path, files, Encoder(files), limit=1)
    files[1].write_text("50")
    cache, broken = filled(tmp_path, files, Encoder(files))
    assert cache[1][0] == 100
    assert not broken.reasons


def test_a_full_disk_is_told_before_the_work(tmp_path, files, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1))
    encoder = Encoder(files)
    with pytest.raises(OutputError, match=r"needed; free some space or name another folder"):
        filled(tmp_path, files, encoder)
    assert encoder.read_rows == []


def test_a_fingerprint_follows_the_weights():
    layer = torch.nn.BatchNorm1d(3)
    before = fingerprint(layer)
    assert fingerprint(layer) == before
    layer.running_mean[0] = 1.0
    assert fingerprint(layer) != before
