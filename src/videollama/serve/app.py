"""The application: parts put together, routes, and what happens when it starts and ends.

Gate (id, key, rate, place, body) ─ FastAPI ┬ chat_completions ┐
                                            ├ embeddings       ├ MediaReader ─ DecodePool
                                            ├ file_routes ─────┘ Uploads
                                            └ model_routes       ModelHost ─ Scheduler
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from videollama import __version__
from videollama.errors import VideoLlamaError
from videollama.serve.analysis_routes import analysis_routes
from videollama.serve.api_errors import answer_with_error
from videollama.serve.auth import KeyCheck, Pages
from videollama.serve.chat_completions import chat_routes
from videollama.serve.decoding import DecodePool
from videollama.serve.embeddings import embedding_routes
from videollama.serve.file_routes import file_routes
from videollama.serve.gate import Gate
from videollama.serve.highlight_routes import highlight_routes
from videollama.serve.limits import Limits
from videollama.serve.media_inputs import MediaReader
from videollama.serve.metrics import Metrics
from videollama.serve.model_host import ModelHost
from videollama.serve.model_routes import model_routes
from videollama.serve.uploads import Uploads
from videollama.serve.whole_files import WholeFiles

if TYPE_CHECKING:
    from videollama.search.shared_library import SharedLibrary

AddPage = Callable[[FastAPI, ModelHost, DecodePool, "SharedLibrary | None"], None]
_Bearer = Annotated[object, Depends(HTTPBearer(auto_error=False, description="An API key."))]


@dataclass(frozen=True)
class Access:
    """Who may ask, and what for; closed by default.

    Attributes:
        files_folder: Where uploads are kept.
        keys: API keys; none lets everybody in who can reach the server.
        origins: Web pages of other origins that may ask.
        host_names: What the header Host may say; a web page whose name leads to this machine says
            another. Anything by default.
        allow_addresses: Whether media are fetched from http(s) addresses.
        library: What callers may search, as `videollama index` made it.
    """

    files_folder: Path
    keys: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    host_names: tuple[str, ...] = ()
    allow_addresses: bool = False
    library: Path | None = None


def build_app(
    host: ModelHost,
    limits: Limits,
    access: Access,
    when_loaded: Callable[[ModelHost], None] = lambda _: None,
    add_page: AddPage | None = None,
) -> FastAPI:
    """Everything that answers over HTTP; the model is loaded when it starts.

    Args:
        host: The model.
        limits: What a request may take.
        access: Who may ask, and what for.
        when_loaded: Called when the model is there, or could not be loaded (`host.failure`).
        add_page: Puts the page into the application.
    """
    metrics = Metrics()
    pool = DecodePool(limits)
    uploads = Uploads(access.files_folder, limits)
    media = MediaReader(pool, uploads, limits, allow_addresses=access.allow_addresses)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        host.start(when_loaded)
        await pool.start()
        try:
            yield
        finally:
            host.close()
            await pool.close()

    def bearer(_: _Bearer) -> None:
        """Names the kind of key in OpenAPI; the gate checks it."""

    app = FastAPI(
        title="videollama",
        version=__version__,
        summary="Ask questions about videos, by what is seen and what is heard.",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(bearer)],
    )
    app.include_router(model_routes(host, pool, metrics))
    app.include_router(file_routes(uploads))
    app.include_router(chat_routes(host, media, limits, metrics))
    app.include_router(embedding_routes(host, media, limits))
    files = WholeFiles(host, media, pool)
    app.include_router(analysis_routes(files, limits))
    app.include_router(highlight_routes(files, uploads, limits))
    library = None
    if access.library is not None:
        from videollama.search.shared_library import SharedLibrary  # needs more packages
        from videollama.serve.search_routes import search_routes

        library = SharedLibrary(host.loaded, access.library)
        app.include_router(search_routes(host, media, library, limits))
    for kind in (HTTPException, RequestValidationError, VideoLlamaError):
        app.add_exception_handler(kind, answer_with_error)
    if add_page is not None:
        add_page(app, host, pool, library)
    if access.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(access.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["x-request-id", "retry-after"],
        )
    pages = Pages(access.origins, access.host_names)
    app.add_middleware(
        Gate, keys=KeyCheck(access.keys), limits=limits, metrics=metrics, pages=pages
    )
    return app
