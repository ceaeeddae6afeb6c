"""A page that is served, a browser that shows it, and files to drop on it."""

import shutil
import time
from functools import partial
from pathlib import Path

import pytest

from tests.synthetic import write_clip

pytest.importorskip("gradio", reason="the page needs gradio: pip install 'videollama[web]'")

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
MAX_UPLOAD_MB = 1


@pytest.fixture(scope="session")
def backend(assistant):
    """The tiny assistant, which takes files of up to 1 MB."""
    from videollama.inference.scheduling import Scheduler
    from videollama.web.backend import PageLimits, local_backend

    scheduler = Scheduler(assistant.model, assistant.processor)
    yield local_backend(assistant, scheduler, PageLimits(upload_bytes=MAX_UPLOAD_MB * 10**6))
    scheduler.close(drain=False)


@pytest.fixture(scope="session")
def page_address(backend):
    """Where the page with the tiny assistant is served."""
    from videollama.web.page import build_page, page_look

    page = build_page(backend)
    _, address, _ = page.launch(
        server_name="127.0.0.1",
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        **page_look(backend.limits),
    )
    yield address
    page.close()


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that is on the machine already."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; on Debian: apt install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def visit(open_page, page_address):
    """Opens the page as a new visitor; gives a function, for several visitors."""
    return partial(open_page, page_address)


@pytest.fixture
def open_page(browser):
    """Opens a page somewhere as a new visitor."""
    contexts = []

    def open_page(address, *, language="en-US", width=1280, height=900, **more):
        viewport = {"width": width, "height": height}
        context = browser.new_context(locale=language, viewport=viewport, **more)
        context.set_default_timeout(120_000)
        contexts.append(context)
        tab = context.new_page()
        tab.requested = []
        tab.on("request", lambda request: tab.requested.append(request.url))
        tab.goto(address)
        tab.locator("#question textarea").wait_for()
        return tab

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def long_file(tmp_path_factory) -> Path:
    """Six seconds."""
    return write_clip(tmp_path_factory.mktemp("clips") / "long.mp4", seconds=6)


@pytest.fixture
def bad_files(tmp_path, clip_file) -> dict[str, Path]:
    """Files that cannot be used, by what is wrong with them."""
    files = {name: tmp_path / f"{name}.mp4" for name in ("text", "empty", "cut", "large")}
    files["text"].write_text("This is no film.\n" * 20)
    files["empty"].touch()
    data = clip_file.read_bytes()
    files["cut"].write_bytes(data[: len(data) // 2])
    files["large"].write_bytes(data + bytes(MAX_UPLOAD_MB * 10**6))
    return files


@pytest.fixture
def unhurried(monkeypatch):
    """Answers that come slowly enough to be stopped, however fast the machine is."""
    from videollama.inference.decoding import DecodingBatch

    step = DecodingBatch.step

    def slowly(batch):
        time.sleep(0.1)
        step(batch)

    monkeypatch.setattr(DecodingBatch, "step", slowly)
