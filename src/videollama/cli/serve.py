"""`videollama serve`: the model behind OpenAI's HTTP interface."""

import asyncio
import os
from dataclasses import fields
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videollama.cli import options
from videollama.cli.guarding import load_guards
from videollama.cli.networking import listen, require_packages
from videollama.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from videollama.inference.engine import VideoLlama
    from videollama.inference.requests import Writer
    from videollama.serve.app import Access, AddPage
    from videollama.serve.limits import Limits

    Load = Callable[..., VideoLlama]


class WriterName(StrEnum):
    """What writes the answers."""

    here = "here"
    vllm = "vllm"


def serve(
    model: options.ModelOption = None,
    host: Annotated[
        str, typer.Option("--host", help="Network address; 0.0.0.0 lets other machines ask.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any.")] = 8000,
    api_keys: Annotated[
        Path | None,
        typer.Option(
            "--api-keys",
            metavar="FILE",
            help="Keys that may ask, one a line; else those in $VIDEOLLAMA_API_KEYS.",
        ),
    ] = None,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Let other machines ask without a key.")
    ] = False,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Fetch media from public http(s) addresses.")
    ] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="ORIGIN", help="Web pages that may ask (CORS)."),
    ] = None,
    web: Annotated[bool, typer.Option("--web", help="Show the page too, at /web.")] = False,
    files: Annotated[
        Path | None,
        typer.Option("--files", metavar="FOLDER", help="Keep uploads here, not in the cache."),
    ] = None,
    db: Annotated[
        Path | None,
        typer.Option("--db", metavar="DIR", help="Let callers search this library."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=VALUE", help="Change a limit; see docs/serve.md."),
    ] = None,
    backend: Annotated[
        WriterName,
        typer.Option("--backend", help="Who writes the words: this process, or a vLLM server."),
    ] = WriterName.here,
    vllm_url: Annotated[
        str | None,
        typer.Option(
            "--vllm-url",
            metavar="URL",
            help="The vLLM server; http://127.0.0.1:8001 if absent. See docs/vllm.md.",
        ),
    ] = None,
    guard: options.GuardOption = None,
    no_rules: options.NoRulesOption = False,
    audit_log: Annotated[
        Path | None,
        typer.Option(
            "--audit-log",
            metavar="FILE",
            help="Append who asked and what was decided, without content, as JSON lines.",
        ),
    ] = None,
    device: options.DeviceOption = "auto",
    dtype: options.DtypeOption = "auto",
    compiled: options.CompileOption = False,
    no_cache: options.NoCacheOption = False,
) -> None:
    """Answer over HTTP as OpenAI's chat completions do, with pictures, videos and sounds.

    Only this machine can ask, unless --host says otherwise. Ctrl-C finishes what has begun. With
    --web, a browser finds the page at /web; where keys are set, it asks for one as the password.

    Examples:

        videollama serve

        videollama serve --web --db library

        videollama serve --host 0.0.0.0 --port 8080 --api-keys keys.txt --limit media_seconds=120

        videollama serve --backend vllm --vllm-url http://10.0.0.2:8001
    """
    require_packages("serve", *(["web"] if web else []), *(["search"] if db else []))
    from videollama.checkpoints.cache import cache_folder
    from videollama.checkpoints.resolve import DEFAULT_MODEL
    from videollama.inference.engine import VideoLlama
    from videollama.serve.app import Access
    from videollama.serve.audit_log import AuditLog
    from videollama.serve.auth import KEYS_VARIABLE, read_keys
    from videollama.serve.model_host import ModelHost, public_name
    from videollama.serve.running import LOOPBACK_NAMES, is_loopback
    from videollama.serve.running import serve as serve_until_stopped

    limits = _limits(limit or [])
    keys = read_keys(api_keys)
    if not keys and not without_keys and not is_loopback(host):
        raise InputError(
            f"--host {host} lets other machines ask; give --api-keys FILE or ${KEYS_VARIABLE}, or "
            "say --without-keys."
        )
    if db is not None:
        from videollama.search.segment_store import SegmentStore

        SegmentStore(db)  # one that is missing is told before the model is loaded
    access = Access(
        keys=keys,
        origins=tuple(allow_origin or ()),
        host_names=LOOPBACK_NAMES if is_loopback(host) else (),
        allow_addresses=allow_urls,
        files_folder=files or cache_folder() / "files",
        library=db,
    )
    if compiled and backend is WriterName.vllm:
        raise InputError("--compile has no effect with --backend vllm, which compiles by itself.")
    load = partial(
        VideoLlama.load,
        model,
        device=device,
        dtype=dtype,
        cache_media=not no_cache,
        compiled=compiled,
    )
    load_model, begin = _writing(load, backend, vllm_url)
    guards = partial(load_guards, guard, device, rules=not no_rules)
    audit = None if audit_log is None else AuditLog(audit_log)
    name = public_name(model, DEFAULT_MODEL)
    model_host = ModelHost(load_model, name, limits, begin, audit, guards)
    add_page = _page(limits, access) if web else None
    serve_until_stopped(model_host, limits, access, listen(host, port), add_page)


def _writing(
    load: "Load", backend: WriterName, vllm_url: str | None
) -> "tuple[Load, Callable[[VideoLlama, Limits], Writer]]":
    """What loads the model, and what begins to write its answers."""
    from videollama.serve.model_host import write_here
    from videollama.serve.vllm_backend import VllmBackend
    from videollama.serve.vllm_client import DEFAULT_URL, KEY_VARIABLE, VllmClient

    if backend is WriterName.here:
        if vllm_url is not None:
            raise InputError(f"--vllm-url {vllm_url} has no effect without --backend vllm.")
        return load, write_here
    client = VllmClient(vllm_url or DEFAULT_URL, os.environ.get(KEY_VARIABLE))

    def load_encoders() -> "VideoLlama":
        asyncio.run(client.served())  # loading takes longer than finding nobody there
        return load(decoder_layers=False)

    return load_encoders, partial(VllmBackend, client)


def _page(limits: "Limits", access: "Access") -> "AddPage":
    from videollama.cli.page_on_server import mount_page

    return partial(mount_page, limits=limits, access=access)


def _limits(wishes: list[str]) -> "Limits":
    """The defaults, changed by NAME=VALUE."""
    from videollama.serve.limits import Limits

    kinds = {field.name: field.type for field in fields(Limits)}
    given: dict[str, int | float] = {}
    for wish in wishes:
        name, _, value = wish.partition("=")
        if name not in kinds:
            raise InputError(f"{name!r} is not a limit; known are {', '.join(kinds)}.")
        try:
            given[name] = int(value) if kinds[name] is int else float(value)
        except ValueError:
            raise InputError(f"The limit {name} is {value!r}, but must be a number.") from None
    return Limits(**given)  # type: ignore[arg-type]
