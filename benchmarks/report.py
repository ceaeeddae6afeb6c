"""What every benchmark does: repeat, take the median, say on which machine, write JSON."""

import json
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

RESULTS = Path(__file__).parent / "results"


def seconds_of(work: Callable[[], Any], repeats: int) -> list[float]:
    """How long each of `repeats` runs took."""
    taken = []
    for _ in range(repeats):
        started = perf_counter()
        work()
        taken.append(perf_counter() - started)
    return taken


def report(name: str, rows: dict[str, list[float]], *, unit: str = "s", **facts: Any) -> None:
    """Prints a table of medians and writes `results/<name>.json`.

    Args:
        name: Of the benchmark.
        rows: What was measured, and every single value.
        unit: Of the values.
        **facts: Anything else worth keeping.
    """
    print(f"{name} on {machine()['cpu']}, {machine()['cpus']} cores")
    for what, values in rows.items():
        spread = f"({min(values):.3f} to {max(values):.3f}, {len(values)} runs)"
        print(f"  {what:<44} {median(values):9.3f} {unit}  {spread}")
    medians = {what: median(values) for what, values in rows.items()}
    write_result(name, unit=unit, medians=medians, values=rows, **facts)


def write_result(name: str, **facts: Any) -> None:
    """Writes `results/<name>.json`: the facts, when they were found and on which machine.

    Args:
        name: Of the benchmark.
        **facts: What was measured.
    """
    RESULTS.mkdir(exist_ok=True)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    result = {"benchmark": name, "when": when, "machine": machine(), **facts}
    draft = RESULTS / f".{name}.json"
    draft.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    draft.replace(RESULTS / f"{name}.json")


def machine() -> dict[str, Any]:
    """The facts that a number depends on, how busy the machine was included."""
    return {
        "cpu": _cpu_name(),
        "cpus": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "load_average": os.getloadavg()[0],
    }


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
