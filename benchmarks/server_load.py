"""The server with more clients than places: `python -m benchmarks.server_load --seconds 60`.

Every client asks about a short clip, waits for the answer and asks again; after a 429 it waits as
it is told.
"""

import argparse
import asyncio
import base64
import collections
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.report import report
from tests.synthetic import write_clip

PORT = 8123
URL = f"http://127.0.0.1:{PORT}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a model folder; the built-in model if absent")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument(
        "--places", type=int, default=2, help="answers at a time, and as many waiting"
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--tokens", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.mp4", seconds=3, size=(180, 320))
        process = _start(arguments, Path(folder))
        try:
            asyncio.run(_measure(arguments, clip, process.pid))
        finally:
            process.terminate()
            process.wait()


def _start(arguments: argparse.Namespace, folder: Path) -> subprocess.Popen[bytes]:
    words = ["serve", "--port", str(PORT), "--files", str(folder)]
    if arguments.model:
        words += ["--model", arguments.model]
    for name in ("running_requests", "waiting_requests"):
        words += ["--limit", f"{name}={arguments.places}"]
    words += ["--limit", "requests_per_minute=1000000"]
    code = "import sys; from videollama.cli.main import run; run(sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.DEVNULL)


async def _measure(arguments: argparse.Namespace, clip: Path, process_id: int) -> None:
    async with httpx.AsyncClient(base_url=URL, timeout=600) as client:
        while not await _is_ready(client):
            await asyncio.sleep(0.5)
        model = (await client.get("/v1/models")).json()["data"][0]["id"]
        url = "data:video/mp4;base64," + base64.b64encode(clip.read_bytes()).decode()
        video = {"type": "video_url", "video_url": {"url": url}}
        question = {"type": "text", "text": "What happens?"}
        body = {
            "model": model,
            "messages": [{"role": "user", "content": [video, question]}],
            "max_tokens": arguments.tokens,
        }
        alone_before = [await _ask(client, body, collections.Counter()) for _ in range(5)]
        memory = [_megabytes(process_id)]
        statuses: collections.Counter[str] = collections.Counter()
        seconds: list[float] = []
        end = time.monotonic() + arguments.seconds

        async def one_client() -> None:
            while time.monotonic() < end:
                taken = await _ask(client, body, statuses)
                if taken is not None:
                    seconds.append(taken)

        started = time.monotonic()
        await asyncio.gather(*(one_client() for _ in range(arguments.clients)))
        lasted = time.monotonic() - started
        memory.append(_megabytes(process_id))
        alone_after = [await _ask(client, body, collections.Counter()) for _ in range(5)]
    ordered = sorted(seconds)
    rows = {
        "alone, before": [each for each in alone_before if each is not None],
        "under load, p50": [ordered[len(ordered) // 2]],
        "under load, p99": [ordered[int(0.99 * len(ordered))]],
        "alone, after": [each for each in alone_after if each is not None],
    }
    report(
        "server_load",
        rows,
        clients=arguments.clients,
        places=arguments.places,
        new_tokens=arguments.tokens,
        answers_per_second=len(seconds) / lasted,
        statuses=dict(statuses),
        memory_megabytes=memory,
    )
    print(json.dumps({"statuses": statuses, "memory_megabytes": memory}))


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/ready")).status_code == 200
    except httpx.ConnectError:
        return False


async def _ask(
    client: httpx.AsyncClient, body: dict, statuses: collections.Counter[str]
) -> float | None:
    started = time.perf_counter()
    answer = await client.post("/v1/chat/completions", json=body)
    statuses[str(answer.status_code)] += 1
    if answer.status_code == 200:
        return time.perf_counter() - started
    await asyncio.sleep(float(answer.headers.get("retry-after", 1)))
    return None


def _megabytes(process_id: int) -> float:
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
