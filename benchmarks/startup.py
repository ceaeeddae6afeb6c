"""How long a person waits before anything happens: `python -m benchmarks.startup`."""

import argparse
import subprocess
import sys

from benchmarks.report import report, seconds_of

RUN = "from videollama.cli.main import run; run()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    commands = {
        "python, nothing else": ["-c", "pass"],
        "import videollama": ["-c", "import videollama"],
        "videollama --help": ["-c", RUN, "--help"],
        "videollama ask --help": ["-c", RUN, "ask", "--help"],
        "from videollama import VideoLlama": ["-c", "from videollama import VideoLlama"],
    }
    rows = {}
    for what, words in commands.items():
        command = [sys.executable, *words]

        def start(command: list[str] = command) -> None:
            subprocess.run(command, check=True, capture_output=True)

        start()  # once for the byte code and the file cache
        rows[what] = seconds_of(start, repeats)
    report("startup", rows)


if __name__ == "__main__":
    main()
