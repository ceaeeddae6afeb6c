"""How long it takes to read 8 frames and the sound: `python -m benchmarks.decode`."""

import argparse
import tempfile
from pathlib import Path

from benchmarks.report import report, seconds_of
from tests.synthetic import write_clip
from videollama import FrameSampling, read_clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    sampling = FrameSampling(num_frames=8)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        clips = {
            "8 s, 360p": {"seconds": 8, "frames_per_second": 25, "size": (360, 640)},
            "3 min, 720p": {"seconds": 180, "frames_per_second": 25, "size": (720, 1280)},
        }
        for number, (what, form) in enumerate(clips.items()):
            path = write_clip(Path(folder) / f"{number}.mp4", **form)
            for want_audio in (True, False):
                label = f"{what}, {'frames and sound' if want_audio else 'frames only'}"

                def read(path: Path = path, want_audio: bool = want_audio) -> None:
                    read_clip(path, sampling, want_audio=want_audio)

                rows[label] = seconds_of(read, repeats)
    report("decode", rows, num_frames=8)


if __name__ == "__main__":
    main()
