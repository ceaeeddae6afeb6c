"""The process that cuts one video of a stranger: `python -m videollama.serve.cut_worker`.

    standard input   one JSON line: path, target, highlights, limits
    standard output  one JSON line: nothing, or an error

It writes the cut, its account and its edit list to the target, and nothing else.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from videollama.applications.highlight_files import write_cut
from videollama.applications.highlights import Highlights, Moment
from videollama.errors import VideoLlamaError
from videollama.media.overview import look_over
from videollama.serve.process_limits import limit_process


def main() -> None:
    """Cuts the video that standard input names."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    request = json.loads(sys.stdin.buffer.readline())
    limits = request["limits"]
    limit_process(limits["decode_bytes"], limits["request_seconds"], limits["upload_bytes"])
    answer: dict[str, Any] = {}
    try:
        highlights = _highlights(request["highlights"])
        write_cut(highlights, look_over(request["path"]), Path(request["target"]))
    except VideoLlamaError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "it needs too much memory to cut."}
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _highlights(told: dict[str, Any]) -> Highlights:
    """What `Highlights.to_dict` told."""
    lists = {
        name: tuple(_moment(moment) for moment in told[name]) for name in ("moments", "segments")
    }
    return Highlights(**{**told, **lists, "warnings": tuple(told["warnings"])})


def _moment(told: dict[str, Any]) -> Moment:
    facts = {name: value for name, value in told.items() if name != "reason"}
    return Moment(**{**facts, "words": tuple(facts["words"])})


if __name__ == "__main__":
    main()
