"""The process that opens files of strangers: `python -m videollama.serve.decode_worker`.

    standard input   one JSON line per file: path, limits, and either sampling, frame_size and
                     want_audio, or nothing else: then the whole file is looked over
    standard output  one JSON line per file, then the raw bytes of its frames and of its waveform,
                     or of how loud it is

It knows no key and no address, may write no file, and has a limit of memory and of processor time
for every file. Whatever a file does to it, the server only reads lines and counted bytes.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from videollama.errors import InputError, MediaError
from videollama.media import pictures
from videollama.media.container import local_file, opened
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
from videollama.media.overview import look_over
from videollama.media.preview import read_preview
from videollama.serve.overview_messages import pack_overview
from videollama.serve.process_limits import limit_process

if TYPE_CHECKING:
    from videollama.media.clip import Clip


class TooLargeError(Exception):
    """A file is longer or larger than the server reads."""


def main() -> None:
    """Answers until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    _send(answers, {"ready": True})
    for line in requests:
        answer(json.loads(line), answers)


def answer(request: dict[str, Any], answers: BinaryIO) -> None:
    """Decodes one file and writes what it holds, or why it cannot be used."""
    limit_process(request["limits"]["decode_bytes"], request["limits"]["decode_seconds"])
    path = Path(request["path"])
    try:
        told = _packed(_read(path, request)) if "sampling" in request else _look_over(path, request)
    except TooLargeError as error:
        _send(answers, {"error": "too_large", "message": str(error)})
    except InputError as error:
        _send(answers, {"error": "input", "message": str(error)})
    except MediaError as error:
        _send(answers, {"error": "unreadable", "message": str(error)})
    except MemoryError:
        _send(answers, {"error": "unreadable", "message": "it needs too much memory to decode."})
    else:
        _send(answers, *told)


def _read(path: Path, request: dict[str, Any]) -> "Clip":
    sampling = FrameSampling(**request["sampling"])
    _check_declared(path, sampling, request["limits"])
    want_audio = request["want_audio"]
    if request["frame_size"] is None:
        clip = read_preview(path, sampling, want_audio=want_audio)
    else:
        size = tuple(request["frame_size"])
        clip = read_clip(path, sampling, frame_size=size, want_audio=want_audio)
    _check_seconds(clip.duration_seconds, request["limits"]["media_seconds"])
    return clip


def _look_over(path: Path, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    _check_declared(path, FrameSampling(), request["limits"])
    overview = look_over(path)
    _check_seconds(overview.duration_seconds, request["limits"]["media_seconds"])
    return pack_overview(overview)


def _check_declared(path: Path, sampling: FrameSampling, limits: dict[str, Any]) -> None:
    """Refuses what headers say is too large, before anything is decoded."""
    local_file(path)
    sizes, declared = _declared(path)
    _check_pixels(sizes, limits["frame_pixels"])
    if declared is not None:
        start, end = sampling.window(declared)
        _check_seconds(end - start, limits["media_seconds"])


def _declared(path: Path) -> tuple[list[tuple[int, int]], float | None]:
    """Heights and widths, and seconds, as headers say; None for pictures and where none says."""
    picture = pictures.recognise(path)
    if picture is not None:
        return [picture.size], None
    with opened(path) as container:
        contexts = [stream.codec_context for stream in container.streams.video]
        sizes = [(each.height, each.width) for each in contexts if each is not None]
        return sizes, container.duration / 1e6 if container.duration else None


def _check_pixels(sizes: list[tuple[int, int]], most: int) -> None:
    for height, width in sizes:
        if height * width > most:
            raise TooLargeError(
                f"it has {width}x{height} pixels, and at most {most / 1e6:g} million are read; "
                "make it smaller."
            )


def _check_seconds(seconds: float, longest: float) -> None:
    if seconds > longest + 1:
        raise TooLargeError(
            f"it lasts {seconds:.0f} s, and at most {longest:g} s are read; cut it, or give "
            "start_seconds and end_seconds."
        )


def _packed(clip: "Clip") -> tuple[dict[str, Any], bytes, bytes]:
    frames, waveform = clip.frames, clip.waveform
    facts = {
        "kind": clip.kind,
        "frames": None if frames is None else list(frames.shape),
        "frame_times_seconds": clip.frame_times_seconds,
        "frames_per_second": clip.frames_per_second,
        "duration_seconds": clip.duration_seconds,
        "waveform": None if waveform is None else list(waveform.shape),
        "audio_status": clip.audio_status,
        "warnings": clip.warnings,
        "start_seconds": clip.start_seconds,
    }
    pixels = b"" if frames is None else frames.contiguous().numpy().tobytes()
    samples = b"" if waveform is None else waveform.contiguous().numpy().tobytes()
    return facts, pixels, samples


def _send(answers: BinaryIO, facts: dict[str, Any], *blocks: bytes) -> None:
    answers.write(json.dumps(facts).encode() + b"\n")
    answers.writelines(blocks)
    answers.flush()


if __name__ == "__main__":
    main()
