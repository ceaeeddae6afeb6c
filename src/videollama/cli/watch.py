"""`videollama watch`: what is seen and heard now, alerts, and questions beside."""

import json
import sys
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain, say
from videollama.cli.loading import load_assistant
from videollama.cli.terminal import notes

if TYPE_CHECKING:
    from videollama.live.watch import Sight, Watch


def watch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="`camera`, an address (rtsp, http, …), or a file that is played in real time.",
            show_default=False,
        ),
    ],
    alert: Annotated[
        list[str] | None,
        typer.Option(
            "--alert",
            "-a",
            metavar="WHAT",
            help="Tell when it appears: a thing, or a question that yes or no answers. Repeatable.",
        ),
    ] = None,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", help="Time between two looks.")
    ] = 4.0,
    memory: Annotated[
        float, typer.Option("--memory", metavar="SECONDS", help="How far back the model sees.")
    ] = 8.0,
    model: options.ModelOption = None,
    frames: options.FramesOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Watch a camera, a stream or a file in real time, and tell what happens.

    Every few seconds one line says what is seen and heard. A line on standard input is a question
    about the last seconds, at any time. The cost of a look does not grow. With --quiet only alerts
    and answers are told. Ctrl-C ends it.

    Examples:

        videollama watch camera --alert "a dog"

        videollama watch rtsp://192.168.0.20/stream --alert "a person" --quiet --json

        videollama watch clip.mp4 --every 2
    """
    from videollama.live.watch import Watch

    assistant = load_assistant(model, device, dtype, quiet=quiet or as_json, no_cache=True)
    count = 8 if frames is None else frames
    watching = Watch(
        assistant,
        source,
        alerts=alert or (),
        every_seconds=every,
        memory_seconds=memory,
        num_frames=count,
    )
    Thread(target=_pass_questions_on, args=(watching,), daemon=True).start()
    for sight in watching:
        if quiet and sight.kind == "look":
            continue
        if as_json:
            print(json.dumps(sight.to_dict(), ensure_ascii=False), flush=True)
        elif sight.kind == "source":
            notes().print(_as_line(sight), style="yellow", markup=False)
        else:
            print(_as_line(sight), flush=True)
    if not (as_json or quiet):
        notes().print(f"[dim]{_summary(watching)}[/dim]")


def _pass_questions_on(watching: "Watch") -> None:
    for line in sys.stdin:
        if line.strip():
            watching.ask(line.strip())


def _as_line(sight: "Sight") -> str:
    minutes, seconds = divmod(int(sight.time_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    said = {
        "look": " · ".join(filter(None, (sight.seen, sight.heard))) or say("nothing to tell"),
        "alert": say("ALERT {what}: {text}").format(what=sight.alert, text=sight.text),
        "answer": f"{sight.question} {sight.text}",
        "source": explain(sight.text or ""),
    }
    return f"{hours}:{minutes:02}:{seconds:02}  {said[sight.kind]}"


def _summary(watching: "Watch") -> str:
    share = watching.busy_seconds / max(watching.elapsed_seconds, 1e-9)
    missed = watching.num_missed_looks
    looks = say("{looks} looks, {missed} left out" if missed else "{looks} looks")
    busy = say("the model was busy {:.0%} of the time").format(share)
    return f"{looks.format(looks=watching.num_looks, missed=missed)} · {busy}"
