"""`/v1/search`: the moments of the server's library that fit a sentence or resemble a medium."""

import asyncio
import base64
from dataclasses import replace
from functools import partial
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Request

from videollama.search.query import Hit as FoundHit
from videollama.search.query import said_in
from videollama.search.shared_library import SharedLibrary
from videollama.serve.answer_schemas import error_responses
from videollama.serve.gate import Visit
from videollama.serve.limits import Limits
from videollama.serve.media_inputs import MediaInput, MediaReader
from videollama.serve.model_host import ModelHost
from videollama.serve.request_schemas import AudioPart, SearchRequest
from videollama.serve.waiting import Patience, to_the_end, while_wanted
from videollama.serve.whole_file_schemas import Hit, HitList
from videollama.serve.whole_files import writing_assistant


def search_routes(
    host: ModelHost, media: MediaReader, library: SharedLibrary, limits: Limits
) -> APIRouter:
    """The route of the library.

    Args:
        host: The model.
        media: Opens what hits shall resemble.
        library: What is searched.
        limits: Of the server.
    """
    router = APIRouter()
    # The library lets one search at a time too, for the page's threads. Who waits here keeps no
    # thread, of which the rest of the server has forty, and may leave before its turn.
    one_at_a_time = asyncio.Lock()

    @router.post(
        "/v1/search", responses=error_responses(400, 401, 404, 408, 413, 415, 422, 429, 503)
    )
    async def search(body: SearchRequest, request: Request) -> HitList:
        """Moments with times, pictures and reasons, best first."""
        visit: Visit = request.state.visit
        patience = Patience(visit, limits.request_seconds)
        hits = await while_wanted(found(body, visit), request, patience)
        return HitList(model=body.model, data=[_told(hit) for hit in hits])

    async def found(body: SearchRequest, visit: Visit) -> list[FoundHit]:
        assistant = writing_assistant(host, body.model)
        owner, like = visit.caller.owner, None
        if body.input is not None:
            each = MediaInput("input", body.input)
            [like] = await media.read([each], owner, assistant.processor.frame_size)
            if isinstance(body.input, AudioPart):
                like = replace(like, kind="audio", frames=None, frame_times_seconds=())
        work = partial(
            host.answer,
            body.query,
            partial(library.search, body.query, like=like, limit=body.limit),
            said_in,
            request_id=visit.request_id,
            caller=owner,
            media=0 if like is None else 1,
        )
        async with one_at_a_time:
            return await to_the_end(to_thread.run_sync(work))

    return router


def _told(hit: FoundHit) -> Hit:
    """A hit for other machines: they learn names of files, not where the server keeps them."""
    picture = hit.thumbnail
    url = None
    if picture is not None:
        url = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    names = [Path(file).name for file in hit.files]
    return Hit(**{**hit.to_dict(), "files": names}, thumbnail=url)
