"""What was found as one HTML page that needs no other file and no script."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from videollama.checkpoints.atomic_output import new_file
from videollama.languages.catalogue import Wording, wording
from videollama.media.clock import clock
from videollama.media.html_page import document, picture, text
from videollama.search.query import Hit

_OF_LIKELIHOOD = (
    "Likelihood: by which factor the model finds every word of the query likelier for knowing the "
    "moment; it can be sure and wrong."
)
_STYLE = ".file { overflow-wrap: anywhere; font-weight: 600 }"


def write_page(
    path: Path,
    query: str | None,
    like: Path | None,
    hits: Sequence[Hit],
    words: Wording | None = None,
) -> None:
    """Writes the page; an old one is replaced.

    Args:
        path: Where the page shall be.
        query: What was searched for.
        like: The clip that hits shall resemble.
        hits: What was found, best first.
        words: Of the language of its labels; English if absent.

    Raises:
        OutputError: The page cannot be written.
    """
    with new_file(path) as draft:
        draft.write_text(page(query, like, hits, words), encoding="utf-8")


def page(
    query: str | None, like: Path | None, hits: Sequence[Hit], words: Wording | None = None
) -> str:
    """The page: what was searched for, then every moment with its picture and its reason."""
    words = words or wording("en")
    wanted = [query] if query else []
    if like is not None:
        wanted.append(words.phrase("like {}").format(like.name))
    title = words.phrase(", ").join(wanted)
    noun = "moment" if len(hits) == 1 else "moments"
    found = words.phrase(f"{{}} {noun}, best first").format(len(hits))
    body = [
        f'<h1>{text(title)}</h1><p class="faint">{found}</p>',
        *(_article(hit, words) for hit in hits),
        f'<p class="faint">{words.phrase(_OF_LIKELIHOOD)}</p>',
    ]
    return document(title, "".join(body), style=_STYLE, language=words.code)


def _article(hit: Hit, words: Wording) -> str:
    facts = "".join(_facts(hit, words))
    return f"<article>{picture(hit.thumbnail, hit.caption or '')}<div>{facts}</div></article>"


def _facts(hit: Hit, words: Wording) -> Iterator[str]:
    for number, file in enumerate(hit.files):
        link = Path(file).as_uri()
        if not number and hit.end_seconds > 0:
            link += f"#t={hit.start_seconds:.1f},{hit.end_seconds:.1f}"
        yield f'<p class="file"><a href="{text(link)}">{text(Path(file).name)}</a></p>'
    yield f"<p><time>{clock(hit.start_seconds)} - {clock(hit.end_seconds)}</time></p>"
    if hit.caption:
        yield f'<p class="seen">{text(hit.caption)}</p>'
    if hit.heard:
        yield f"<p>{words.phrase('Heard: {}').format(text(hit.heard))}</p>"
    why = " · ".join(map(words.sentence, hit.reasons))
    yield f'<p class="faint">{text(why)}</p>'
