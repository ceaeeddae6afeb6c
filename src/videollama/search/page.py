"""What was found as one HTML page that needs no other file and no script."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from videollama.checkpoints.atomic_output import new_file
from videollama.media.clock import clock
from videollama.media.html_page import document, picture, text
from videollama.search.query import Hit

_STYLE = ".file { overflow-wrap: anywhere; font-weight: 600 }"


def write_page(path: Path, query: str | None, like: Path | None, hits: Sequence[Hit]) -> None:
    """Writes the page; an old one is replaced.

    Args:
        path: Where the page shall be.
        query: What was searched for.
        like: The clip that hits shall resemble.
        hits: What was found, best first.

    Raises:
        OutputError: The page cannot be written.
    """
    with new_file(path) as draft:
        draft.write_text(page(query, like, hits), encoding="utf-8")


def page(query: str | None, like: Path | None, hits: Sequence[Hit]) -> str:
    """The page: what was searched for, then every moment with its picture and its reason."""
    wanted = [query] if query else []
    if like is not None:
        wanted.append(f"like {like.name}")
    title = ", ".join(wanted)
    found = f"{len(hits)} {'moment' if len(hits) == 1 else 'moments'}"
    body = [
        f'<h1>{text(title)}</h1><p class="faint">{found}, best first</p>',
        *(_article(hit) for hit in hits),
        '<p class="faint">Likelihood: by which factor the model finds every word of the query '
        "likelier for knowing the moment; it can be sure and wrong.</p>",
    ]
    return document(title, "".join(body), style=_STYLE)


def _article(hit: Hit) -> str:
    facts = "".join(_facts(hit))
    return f"<article>{picture(hit.thumbnail, hit.caption or '')}<div>{facts}</div></article>"


def _facts(hit: Hit) -> Iterator[str]:
    for number, file in enumerate(hit.files):
        link = Path(file).as_uri()
        if not number and hit.end_seconds > 0:
            link += f"#t={hit.start_seconds:.1f},{hit.end_seconds:.1f}"
        yield f'<p class="file"><a href="{text(link)}">{text(Path(file).name)}</a></p>'
    yield f"<p><time>{clock(hit.start_seconds)} - {clock(hit.end_seconds)}</time></p>"
    if hit.caption:
        yield f'<p class="seen">{text(hit.caption)}</p>'
    if hit.heard:
        yield f"<p>Heard: {text(hit.heard)}</p>"
    yield f'<p class="faint">{text(hit.reason)}</p>'
