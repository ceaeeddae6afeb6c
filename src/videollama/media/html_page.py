"""What pages about media share: one HTML file that needs no other file and no script."""

import base64
from html import escape

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --faint: #59636e;
  --line: #d8dee4; --soft: #f6f8fa; --accent: #0969da; --scene: #ddf4ff; --other: #eaeef2;
  --sound: #fff0c2; --sound-ink: #5a3f00 }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1;
  --line: #30363d; --soft: #161b22; --accent: #58a6ff; --scene: #12304f; --other: #21262d;
  --sound: #3d2e00; --sound-ink: #f2cc60 } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem 1rem 4rem;
  max-width: 64rem; background: var(--paper); color: var(--ink) }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere }
p { margin: .2rem 0 }
.faint, time, .sure { color: var(--faint); font-variant-numeric: tabular-nums }
time, .sure { font-size: .875rem; white-space: nowrap }
article { display: flex; gap: 1rem; padding: .9rem 0; border-top: 1px solid var(--line);
  scroll-margin-top: 1rem }
article > div { min-width: 0 } .picture { flex: 0 0 15rem; text-align: center }
img { max-width: 100%; max-height: 12rem; border-radius: 4px; vertical-align: top }
.seen { font-size: 1.05rem }
@media (max-width: 38rem) { article { flex-direction: column; gap: .5rem }
  .picture { flex-basis: auto; text-align: left } }
"""


def document(title: str, body: str, *, style: str = "", language: str = "en") -> str:
    """A whole page.

    Args:
        title: Text; file names may hold bytes that are none.
        body: HTML.
        style: Further CSS.
        language: Code of the language that it speaks.
    """
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{_STYLE}{style}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def text(shown: str) -> str:
    """Text as HTML; bytes that are no text become question marks."""
    return escape(shown.encode("utf-8", "replace").decode())


def picture(jpeg: bytes | None, description: str) -> str:
    """A JPEG file inside the page, with a text for those who cannot see it; nothing for None."""
    if jpeg is None:
        return ""
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
    alt = text(description)
    return f'<div class="picture"><img loading="lazy" alt="{alt}" src="{source}"></div>'
