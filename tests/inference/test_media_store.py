import os
import threading
import time

import pytest
import torch

from videollama.inference.media_store import MediaStore


@pytest.fixture
def store(tmp_path):
    return MediaStore(tmp_path / "media")


def path_of(store, key):
    return next(store.folder.glob(f"*/{key}*"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_was_kept_is_found_bit_by_bit(store, dtype):
    tokens = torch.randn(3, 5).to(dtype)
    store.put("ab12", tokens)
    found = MediaStore(store.folder).get("ab12")
    assert found.dtype == dtype
    assert torch.equal(found, tokens)
    assert store.get("cd34") is None
    assert store.counts.missing == 1


@pytest.mark.parametrize("damage", ["cut off", "changed", "empty", "a folder"])
def test_a_damaged_entry_is_ignored_counted_and_replaced(store, damage):
    store.put("ab12", torch.ones(100))
    path = path_of(store, "ab12")
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes({"cut off": content[:-9], "changed": content}.get(damage, b""))
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    assert store.get("ab12") is None
    assert store.counts.damaged == 1
    if damage == "a folder":
        path.rmdir()
    store.put("ab12", torch.zeros(100))
    assert torch.equal(store.get("ab12"), torch.zeros(100))


def test_what_was_not_used_for_the_longest_time_goes(tmp_path):
    store = MediaStore(tmp_path / "media", max_bytes=10_000)
    keys = [f"{number:02}" for number in range(8)]
    for age, key in zip(range(80, 0, -10), keys, strict=True):
        store.put(key, torch.zeros(250))
        then = time.time() - age
        os.utime(path_of(store, key), (then, then))
    assert store.get("00") is not None  # used just now
    store.put("last", torch.zeros(400))
    assert store.num_bytes <= 10_000
    left = [key for key in keys if store.get(key) is not None]
    assert left == ["00", *keys[-len(left) + 1 :]]
    assert 1 < len(left) < 8
    assert store.get("last") is not None


def test_what_a_killed_writer_left_goes_when_it_is_old(store):
    store.put("ab12", torch.zeros(9))
    old, young = (path_of(store, "ab12").with_name(f".ab34.tokens.{name}") for name in "ab")
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    MediaStore(store.folder).put("cd56", torch.zeros(9))
    assert not old.exists()
    assert young.exists()


def test_many_writers_and_readers_never_see_half_an_entry(store):
    wrong = []

    def work(value):
        own = MediaStore(store.folder, max_bytes=50_000)
        for number in range(30):
            own.put(f"{number % 5:02}", torch.full((1000,), float(value)))
            found = own.get(f"{(number + value) % 5:02}")
            if found is not None and len(set(found.tolist())) != 1:
                wrong.append(found)
        wrong.extend([own.counts] if own.counts.damaged else [])

    threads = [threading.Thread(target=work, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_place_that_cannot_be_written_is_told_once_and_stops_no_answer(tmp_path, caplog):
    (tmp_path / "media").write_text("a file is in the way")
    store = MediaStore(tmp_path / "media")
    for key in ("ab12", "cd34"):
        assert store.get(key) is None
        store.put(key, torch.zeros(9))
    assert caplog.text.count("could not be written") == 1


def test_clearing_leaves_nothing(store):
    store.clear()
    store.put("ab12", torch.zeros(9))
    store.clear()
    assert store.num_bytes == 0
    assert store.get("ab12") is None
    store.put("ab12", torch.zeros(9))
    assert store.num_bytes > 0
