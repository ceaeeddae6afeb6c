"""Where a verb may write a page."""

from pathlib import Path

from videollama.errors import OutputError


def require_page(html: Path) -> None:
    """Refuses a name or a place that takes no page, before the model is loaded.

    Raises:
        OutputError: It does not end in .html, or is read-only or full.
    """
    if html.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"{html} is not a name for a page; end it in .html.")
    from videollama.checkpoints.atomic_output import require_new_file

    require_new_file(html)
