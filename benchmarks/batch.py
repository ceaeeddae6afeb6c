"""Files per second of a batch with one worker and with two: `python -m benchmarks.batch`.

Every worker computes with one thread. How much two processes of this machine get done, beside one,
limits what two workers can do: on two hardware threads of one core it is much less than twice. So
two batches at the same time, with one worker each, are measured in the same run.

Loading the model is left out: the clock runs from the first block that is finished to the last.
Processor seconds per file tell on a busy machine what the rates do not.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.report import report
from tests.synthetic import write_clip
from videollama.batch import BatchOptions, BatchProgress, run_batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="caption", help="caption, analyze or embed")
    parser.add_argument("--files", type=int, default=48, help="clips of five seconds with sound")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=3, metavar=("LIST", "OUTPUT", "WORKERS"))
    arguments = parser.parse_args()
    if arguments.measure:
        print(*rate_and_cost(arguments.task, *arguments.measure))
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    rates: dict[str, list[float]] = {"1 worker": [], "2 workers": [], "2 batches of 1 worker": []}
    costs: dict[str, list[float]] = {name: [] for name in rates}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [
            write_clip(folder / f"{number}.mp4", seconds=5, size=(180, 320))
            for number in range(arguments.files)
        ]
        halves = [clips[: len(clips) // 2], clips[len(clips) // 2 :]]
        cases = {"1 worker": (halves[:1], 1), "2 workers": ([clips], 2)}
        cases["2 batches of 1 worker"] = (halves, 1)
        for _ in range(arguments.rounds):
            for name, (lists, workers) in cases.items():
                rate, cost = measured(arguments.task, folder, lists, workers)
                rates[name].append(rate)
                costs[name].append(cost)
    one, two, raw = (median(values) for values in rates.values())
    facts = {
        "efficiency": two / (2 * one),
        "efficiency_of_the_machine": raw / (2 * one),
        "efficiency_beside_the_machine": two / raw,
        "processor_seconds_per_file": {name: median(values) for name, values in costs.items()},
    }
    report("batch", rates, unit="files/s", task=arguments.task, files=arguments.files, **facts)
    print(json.dumps(facts, indent=2))


def measured(task: str, folder: Path, lists: list[list[Path]], workers: int) -> tuple[float, float]:
    """Batches that run at the same time, one for each list: sum of rates, mean cost of a file."""
    running = []
    for number, clips in enumerate(lists):
        names = folder / f"{number}.txt"
        names.write_text("\n".join(str(clip) for clip in clips))
        output = tempfile.mkdtemp(dir=folder)
        words = ["--task", task, "--measure", str(names), output, str(workers)]
        command = [sys.executable, "-m", "benchmarks.batch", *words]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    results = [map(float, process.communicate()[0].split()) for process in running]
    rates, costs = zip(*results, strict=True)
    return sum(rates), sum(costs) / len(costs)


def rate_and_cost(task: str, source: str, output: str, workers: str) -> tuple[float, float]:
    """Files per second and processor seconds per file, both after the first block."""
    moments: list[tuple[int, float, float]] = []

    def note(progress: BatchProgress) -> None:
        if progress.done:
            moments.append((progress.done, perf_counter(), processor_seconds()))

    options = BatchOptions(task)  # type: ignore[arg-type]
    run_batch(source, output, options, workers=int(workers), block_size=2, on_progress=note)
    (first, began, cost_before), (last, ended, cost) = moments[0], moments[-1]
    return (last - first) / (ended - began), (cost - cost_before) / (last - first)


def processor_seconds() -> float:
    """What this process and its workers have used, of Linux's /proc."""
    ticks = 0
    for number in [os.getpid(), *(child.pid for child in multiprocessing.active_children())]:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # user, system
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
