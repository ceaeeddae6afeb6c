"""What long videos cost, each in a process of its own: `python -m benchmarks.long_video`."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import av

from benchmarks.report import report
from tests.synthetic import write_clip

LOOP_SECONDS = 60
PREPARE = """
import resource, sys
from time import perf_counter
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling
"""
FINISH = """
scale = 1e6 if sys.platform == "darwin" else 1e3
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale)
"""
READ = """
started = perf_counter()
read_clip(sys.argv[1], FrameSampling(**eval(sys.argv[2])), frame_size=(260, 260))
seconds = perf_counter() - started
"""
ASK = """
from videollama import VideoLlama
assistant = VideoLlama.load(sys.argv[3] or None, cache_media=False)
started = perf_counter()
assistant.ask(sys.argv[1], "What happens?", **eval(sys.argv[2]))
seconds = perf_counter() - started
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 30, 120])
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--no-ask", action="store_true", help="only read the files")
    arguments = parser.parse_args()
    memory: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        loop = write_clip(
            Path(folder) / "loop.mp4", seconds=LOOP_SECONDS, frames_per_second=25, size=(180, 320)
        )
        for minutes in arguments.minutes:
            file = _repeated(loop, Path(folder) / f"{minutes}.mp4", minutes)
            for what, program, wish in _works(minutes, ask=not arguments.no_ask):
                seconds[what], memory[what] = _run(program, file, wish, arguments.model or "")
            file.unlink()
    report("long_video_memory", memory, unit="MB", clip="180p at 25 frames/s, with sound")
    report("long_video_time", seconds, clip="180p at 25 frames/s, with sound")


def _works(minutes: int, *, ask: bool) -> list[tuple[str, str, str]]:
    works = [
        (f"{minutes} min: read 8 frames and the sound", READ, "{}"),
        (f"{minutes} min: read 1000 frames and the sound", READ, "{'num_frames': 1000}"),
        (f"{minutes} min: read 8 frames by scenes", READ, "{'method': 'scenes'}"),
        (f"{minutes} min: read 30 s from the middle", READ, _middle(minutes)),
    ]
    return [*works, (f"{minutes} min: ask, 8 frames", ASK, "{}")] if ask else works


def _middle(minutes: int) -> str:
    return str({"start_seconds": 30.0 * minutes, "end_seconds": 30.0 * minutes + 30})


def _repeated(loop: Path, file: Path, times: int) -> Path:
    """The clip over and over, packets copied as they are."""
    last: dict[int, int] = {}
    with av.open(str(file), "w") as target:
        for number in range(times):
            with av.open(str(loop)) as source:
                if number == 0:
                    streams = {
                        stream.index: target.add_stream_from_template(stream)
                        for stream in source.streams
                    }
                for packet in source.demux():
                    if packet.dts is None:
                        continue
                    shift = int(number * LOOP_SECONDS / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.index]
                    if packet.dts <= last.get(packet.stream.index, packet.dts - 1):
                        continue  # the sound of the loop is a little longer than its picture
                    last[packet.stream.index] = packet.dts
                    target.mux(packet)
    return file


def _run(program: str, file: Path, wish: str, model: str) -> tuple[list[float], list[float]]:
    command = [sys.executable, "-c", PREPARE + program + FINISH, str(file), wish, model]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, megabytes = out.split()[-2:]
    return [float(seconds)], [float(megabytes)]


if __name__ == "__main__":
    main()
