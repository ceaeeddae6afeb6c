"""`videollama web`: the page in a browser."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videollama.cli import options
from videollama.cli.guarding import load_guards
from videollama.cli.language import say
from videollama.cli.loading import load_assistant
from videollama.cli.networking import cannot_listen, listen, require_packages
from videollama.cli.terminal import notes

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama
    from videollama.inference.guarding import Guards
    from videollama.web.backend import Search


def web(
    model: options.ModelOption = None,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on; 0.0.0.0 lets other machines in."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")
    ] = 7860,
    max_upload_mb: Annotated[
        int,
        typer.Option("--max-upload-mb", min=1, help="Largest file, in millions of bytes."),
    ] = 1000,
    db: Annotated[
        Path | None,
        typer.Option("--db", metavar="DIR", help="Let visitors search this library."),
    ] = None,
    allow_urls: Annotated[
        bool,
        typer.Option(
            "--allow-urls", help="Open links that visitors paste, to public http(s) addresses."
        ),
    ] = False,
    guard: options.GuardOption = None,
    no_rules: options.NoRulesOption = False,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    compiled: options.CompileOption = False,
    quiet: options.QuietOption = False,
) -> None:
    """Open a page to ask about videos, pictures and sounds in a browser.

    The page answers on this machine only, unless --host says otherwise; Ctrl-C ends it.

    Examples:

        videollama web

        videollama web --host 0.0.0.0 --port 8080 --max-upload-mb 200
    """
    require_packages("web", *(["search"] if db else []))
    if db is not None:
        from videollama.search.segment_store import SegmentStore

        SegmentStore(db)  # one that is missing is told before the model is loaded
    listen(host, port).close()  # a port that is taken is told before the model is loaded
    assistant = load_assistant(model, device, dtype, quiet=quiet, compiled=compiled)
    guards = load_guards(guard, device, rules=not no_rules)
    from videollama.cli.page_links import link_fetcher
    from videollama.inference.scheduling import Scheduler
    from videollama.serve.limits import Limits
    from videollama.web.backend import PageLimits, local_backend
    from videollama.web.page import build_page, page_look

    limits = PageLimits(upload_bytes=max_upload_mb * 10**6)
    scheduler = Scheduler(
        assistant.model,
        assistant.processor,
        max_batch=limits.answers,
        max_waiting=limits.waiting,
        encoder=assistant.encoder,
    )
    try:
        search = _search(assistant, db, guards)
        fetch = link_fetcher(Limits(upload_bytes=limits.upload_bytes)) if allow_urls else None
        page = build_page(local_backend(assistant, scheduler, limits, search, fetch, guards))
        _serve(page, host, port, page_look(limits), quiet=quiet)
    finally:
        scheduler.close(drain=False)


def _search(assistant: "VideoLlama", db: Path | None, guards: "Guards") -> "Search | None":
    """What searches the library, if there is one."""
    if db is None:
        return None
    from videollama.search.query import said_in
    from videollama.search.shared_library import SharedLibrary

    library = SharedLibrary(lambda: assistant, db)
    return lambda query: guards.answer(query, partial(library.search, query), said_in)


def _serve(page: Any, host: str, port: int, look: dict[str, Any], *, quiet: bool) -> None:
    """Serves until Ctrl-C.

    Raises:
        InputError: The address cannot be used.
    """
    try:
        page.launch(
            server_name=host,
            server_port=port,
            share=False,
            inbrowser=False,
            ssr_mode=False,
            quiet=True,
            prevent_thread_lock=True,
            **look,
        )
    except OSError as error:
        raise cannot_listen(host, port) from error
    if not quiet:
        notes().print(say("The page is at {} (Ctrl-C ends it)").format(page.local_url))
    page.block_thread()
