"""`videollama search`: the moments of a library that fit a sentence or resemble a clip."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.language import explain, say, words
from videollama.cli.loading import load_assistant
from videollama.cli.networking import require_packages
from videollama.cli.pages import require_page
from videollama.cli.terminal import working

if TYPE_CHECKING:
    from videollama.search.query import Hit


def search(
    db: options.DatabaseOption,
    query: Annotated[
        str | None,
        typer.Argument(metavar="[QUERY]", help="What shall be seen or heard.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most results.")] = 10,
    video_like: Annotated[
        Path | None,
        typer.Option(
            "--video-like", metavar="FILE", help="Find what resembles this video, picture or sound."
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with pictures."),
    ] = None,
    model: options.ModelOption = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    no_cache: options.NoCacheOption = False,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Find the moments of a library that fit a sentence, resemble a clip, or both.

    Captions and names of sounds are searched for the words; what fits best is looked at again by
    the model, which tells how likely it finds the query for every moment. No file is opened again.

    Examples:

        videollama search "a dog on a skateboard while people clap" --db library

        videollama search "children at a table" --db library --html found.html

        videollama search --video-like clip.mp4 --db library --json
    """
    require_packages("search")
    if html is not None:
        require_page(html)
    from videollama.search.query import require_query
    from videollama.search.segment_store import SegmentStore

    require_query(query, has_clip=video_like is not None)
    SegmentStore(db)  # one that is missing or of another version is told before the model is loaded
    if video_like is not None:
        _require_clip(video_like)
    assistant = load_assistant(model, device, dtype, quiet=quiet or as_json, no_cache=no_cache)
    from videollama.search.media_library import MediaLibrary

    with working("Searching", quiet=quiet or as_json):
        library = MediaLibrary(assistant, db)
        hits = library.search(query, like=video_like, limit=limit)
    if html is not None:
        from videollama.search.page import write_page

        write_page(html, query, video_like, hits, words())
    if as_json:
        print(json.dumps([hit.to_dict() for hit in hits], ensure_ascii=False, indent=2))
    elif html is not None:
        print(html)
    else:
        print("\n".join(_lines(hits)) or say("Nothing was found."))


def _require_clip(path: Path) -> None:
    """Refuses a file that holds nothing, before the model is loaded."""
    from videollama.media.decode import probe

    probe(path)


def _lines(hits: "list[Hit]") -> list[str]:
    from videollama.media.clock import clock

    lines = []
    for number, hit in enumerate(hits, start=1):
        times = f"{clock(hit.start_seconds)} - {clock(hit.end_seconds)}"
        lines.append(f"{number:>3}  {times}  {hit.files[0]}")
        said = [hit.caption, f"[{hit.heard}]" if hit.heard else None]
        lines.append("     " + " ".join(part for part in said if part))
        lines.append(f"     {' · '.join(map(explain, hit.reasons))}")
        same = say("     the same as {}")
        lines += [same.format(copy) for copy in hit.files[1:]]
    return lines
