"""A server with the page in it, on a loopback socket."""

import threading
from contextlib import contextmanager
from functools import partial

import uvicorn

from tests.serve.conftest import MODEL, wait_until
from videollama.cli.page_on_server import mount_page
from videollama.serve.app import Access, build_app
from videollama.serve.limits import Limits
from videollama.serve.model_host import ModelHost


@contextmanager
def served(assistant, folder, limits=None, keys=()):
    """Gives its address, once the model is loaded."""
    limits = limits or Limits(requests_per_minute=10_000)
    host = ModelHost(lambda: assistant, MODEL, limits)
    access = Access(files_folder=folder, keys=keys)
    add_page = partial(mount_page, limits=limits, access=access)
    app = build_app(host, limits, access, add_page=add_page)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started and host.ready)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(60)
