"""What watching costs, in real time: `python -m benchmarks.live --minutes 10`.

A film is played at its own pace, and looked at every four seconds with one alert: how long a look
takes in the first minute and in the last, and which share of the time the model was busy.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from benchmarks.report import report
from tests.synthetic import write_clip
from videollama import VideoLlama
from videollama.live.watch import Watch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    arguments = parser.parse_args()
    seconds = 60.0 * arguments.minutes
    with tempfile.TemporaryDirectory() as folder:
        film = write_clip(
            Path(folder) / "film.mp4", seconds=seconds, frames_per_second=25, size=(180, 320)
        )
        assistant = VideoLlama.load(arguments.model, cache_media=False)
        watching = Watch(assistant, str(film), alerts=["a dog"])
        looks = [sight for sight in watching if sight.kind == "look"]
    rows = {
        "a look in the first minute": [x.took_seconds for x in looks if x.time_seconds <= 60],
        "a look in the last minute": [
            x.took_seconds for x in looks if x.time_seconds > seconds - 60
        ],
        "busy seconds per second": [watching.busy_seconds / watching.elapsed_seconds],
    }
    scale = 1e6 if sys.platform == "darwin" else 1e3
    report(
        "live",
        rows,
        minutes=arguments.minutes,
        looks=watching.num_looks,
        looks_left_out=watching.num_missed_looks,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale,
    )


if __name__ == "__main__":
    main()
