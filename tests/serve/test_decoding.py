import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.synthetic import write_picture, write_sound
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.serve.api_errors import ApiError
from videollama.serve.decoding import DecodePool
from videollama.serve.limits import Limits

SIZE = (64, 64)


def with_pool(work, limits=None):
    """Runs `work(pool)` with one decoding process."""

    async def main():
        pool = DecodePool(limits or Limits(), size=1)
        await pool.start()
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(main())


def refusal(pool, file, sampling=FrameSampling()):  # noqa: B008 - it is frozen
    async def read():
        with pytest.raises(ApiError) as error:
            await pool.read(file, "messages[0].content[0]", sampling, SIZE)
        assert error.value.param == "messages[0].content[0]"
        return error.value

    return read()


def test_a_file_is_read_as_in_this_process(clip_file, tmp_path):
    files = [clip_file, write_picture(tmp_path / "a.png"), write_sound(tmp_path / "a.wav")]

    async def work(pool):
        return [await pool.read(file, "here", FrameSampling(4), SIZE) for file in files]

    for file, clip in zip(files, with_pool(work), strict=True):
        expected = read_clip(file, FrameSampling(4), frame_size=SIZE)
        assert str(clip.path) == "here"
        assert clip.kind == expected.kind
        assert clip.frame_times_seconds == expected.frame_times_seconds
        assert clip.audio_status == expected.audio_status
        for name in ("frames", "waveform"):
            mine, theirs = getattr(clip, name), getattr(expected, name)
            assert (mine is None) == (theirs is None)
            assert mine is None or (mine == theirs).all()


def test_a_process_that_dies_costs_one_answer(clip_file):
    async def work(pool):
        await pool.read(clip_file, "here", FrameSampling(), SIZE)
        os.kill(pool._workers[0]._process.pid, signal.SIGSTOP)
        reading = asyncio.ensure_future(refusal(pool, clip_file))
        await asyncio.sleep(0.1)
        os.kill(pool._workers[0]._process.pid, signal.SIGKILL)
        error = await reading
        again = await pool.read(clip_file, "here", FrameSampling(), SIZE)
        return error, again, pool.num_restarts

    error, again, restarts = with_pool(work)
    assert error.status_code == 422
    assert "broke its decoder" in error.message
    assert again.frames is not None
    assert restarts == 1


def test_a_file_that_takes_too_long_is_given_up(clip_file):
    async def work(pool):
        await pool.read(clip_file, "here", FrameSampling(), SIZE)
        os.kill(pool._workers[0]._process.pid, signal.SIGSTOP)
        return await refusal(pool, clip_file)

    error = with_pool(work, Limits(decode_seconds=5))
    assert error.status_code == 422
    assert "more than 5 s" in error.message


def test_a_file_that_needs_too_much_memory_is_refused(tmp_path):
    large = write_picture(tmp_path / "large.png", size=(3000, 3000))

    async def work(pool):
        return await refusal(pool, large)

    assert with_pool(work, Limits(decode_bytes=2**20)).status_code == 422


def test_media_beyond_the_limits_are_told_apart_from_broken_ones(clip_file, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0" * 999)

    async def work(pool):
        part = await pool.read(clip_file, "here", FrameSampling(start_seconds=1), SIZE)
        return part, await refusal(pool, clip_file), await refusal(pool, broken)

    part, long, damaged = with_pool(work, Limits(media_seconds=0.5))
    assert part.duration_seconds == pytest.approx(1, abs=0.2)
    assert (long.status_code, damaged.status_code) == (413, 422)
    assert str(tmp_path) not in damaged.message

    async def pixels(pool):
        return await refusal(pool, clip_file)

    assert with_pool(pixels, Limits(frame_pixels=100)).status_code == 413


def test_the_process_knows_no_keys(monkeypatch, clip_file):
    monkeypatch.setenv("VIDEOLLAMA_API_KEYS", "secret-secret-secret")

    async def work(pool):
        process = pool._workers[0]._process
        return Path(f"/proc/{process.pid}/environ").read_bytes()

    assert b"secret" not in with_pool(work)
