"""What the page shows of whole files and of a library, as HTML."""

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from videollama.media.clock import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videollama.applications.story import Story
    from videollama.languages.catalogue import Wording
    from videollama.search.query import Hit


def framed(document: str, words: "Wording") -> str:
    """A whole HTML document inside the page; it can run no script and reach nothing."""
    title = escape(words.text("scenes_page"))
    return f'<iframe sandbox="" title="{title}" srcdoc="{escape(document)}"></iframe>'


def story_of(story: "Story", words: "Wording") -> str:
    """The text, or why there is none, and the facts that it rests on."""
    parts = []
    if story.text is not None:
        parts.append(f'<p class="story">{escape(story.text)}</p>')
    if story.refusal is not None:
        parts.append(f'<p class="warning">{escape(words.sentence(story.refusal))}</p>')
    if story.text is not None and story.ungrounded:
        template = words.phrase("In no fact: {words}")
        named = template.format(words=", ".join(story.ungrounded))
        parts.append(f'<p class="warning">{escape(named)}</p>')
    facts = "".join(
        f"<li>{_times(fact.start_seconds, fact.end_seconds)} "
        f"{escape(fact.text if fact.kind == 'seen' else f'[{fact.text}]')}</li>"
        for fact in story.facts
    )
    return "".join([*parts, f"<p>{escape(words.phrase('Facts:'))}</p><ol>{facts}</ol>"])


def cut_of(video: Path, told: dict[str, Any]) -> str:
    """The cut, to be played, and why each moment was taken.

    Args:
        video: Lies where the page may show it.
        told: As `CutFiles.to_dict` tells it.
    """
    moments = "".join(
        f"<li>{_times(each['start_seconds'], each['end_seconds'])} {escape(each['reason'])}</li>"
        for each in told["moments"]
    )
    address = f"gradio_api/file={quote(str(video))}"
    return f'<video controls src="{escape(address)}"></video><ol>{moments}</ol>'


def hits_of(hits: "Sequence[Hit]", words: "Wording") -> str:
    """The moments that were found, best first, with pictures and reasons."""
    if not hits:
        return f"<p>{escape(words.text('search_nothing'))}</p>"
    return f"<ol>{''.join(_hit(hit) for hit in hits)}</ol>"


def _hit(hit: "Hit") -> str:
    said = [hit.caption or "", f"[{hit.heard}]" if hit.heard else ""]
    name = ", ".join(Path(file).name for file in hit.files)
    return (
        f"<li>{_picture(hit)}<div><strong>{escape(name)}</strong> "
        f"{_times(hit.start_seconds, hit.end_seconds)}"
        f"<p>{escape(' '.join(filter(None, said)))}</p>"
        f'<p class="faint">{escape(hit.reason)}</p></div></li>'
    )


def _picture(hit: "Hit") -> str:
    if hit.thumbnail is None:
        return ""
    data = base64.b64encode(hit.thumbnail).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(hit.caption or "")}">'


def _times(start: float, end: float) -> str:
    return f"<time>{clock(start)} - {clock(end)}</time>"
