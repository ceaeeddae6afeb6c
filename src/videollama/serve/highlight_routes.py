"""`/v1/highlights`: the best moments of a video, as a cut among the caller's files."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio import to_thread
from fastapi import APIRouter, Request

from videollama.applications.highlight_files import companions
from videollama.applications.highlights import Highlights, find_highlights, require_askable
from videollama.serve.analysis_routes import check_frames
from videollama.serve.answer_schemas import StoredFile, error_responses
from videollama.serve.cutting import cut_elsewhere
from videollama.serve.gate import Visit
from videollama.serve.limits import Limits
from videollama.serve.request_schemas import HighlightRequest
from videollama.serve.uploads import Uploads
from videollama.serve.waiting import Patience, while_wanted
from videollama.serve.whole_file_schemas import HighlightsBody
from videollama.serve.whole_files import OnProgress, WholeFiles


def highlight_routes(files: WholeFiles, uploads: Uploads, limits: Limits) -> APIRouter:
    """The route of highlights.

    Args:
        files: Opens videos.
        uploads: Takes the cuts.
        limits: Of the server.
    """
    router = APIRouter()

    @router.post(
        "/v1/highlights", responses=error_responses(400, 401, 404, 408, 413, 415, 422, 429, 503)
    )
    async def highlights(body: HighlightRequest, request: Request) -> HighlightsBody:
        """The moments that fit a query; `/v1/files/{file_id}/content` is the cut."""
        visit: Visit = request.state.visit
        check_frames(body.num_frames, limits)
        patience = Patience(visit, limits.request_seconds)
        return await while_wanted(cut(body, visit), request, patience)

    async def cut(body: HighlightRequest, visit: Visit) -> HighlightsBody:
        assistant = files.assistant(body.model)
        owner = visit.caller.owner
        async with files.opened(body.input, owner) as whole:
            require_askable(whole.overview, body.query, body.seconds)

            def work(on_progress: OnProgress) -> Highlights:
                return find_highlights(
                    assistant,
                    whole.overview,
                    body.query,
                    seconds=body.seconds,
                    num_frames=body.num_frames,
                    on_progress=on_progress,
                )

            found = await files.run(visit, body.query, work, lambda found: found.said)
            with TemporaryDirectory(prefix="videollama-") as folder:
                video = Path(folder) / f"highlights.{body.container}"
                await cut_elsewhere(whole.file, found, video, limits)
                account, edit_list = companions(video)
                told = json.loads(account.read_text(encoding="utf-8"))
                told["edit_list"] = edit_list.read_text(encoding="ascii")
                name = f"{whole.overview.path.stem}-highlights{video.suffix}"
                stored = await to_thread.run_sync(_keep, uploads, video, name, owner)
        del told["video"]
        visit.facts["segments"] = len(found.segments)
        return HighlightsBody(model=body.model, file_id=stored.id, **told)

    return router


def _keep(uploads: Uploads, video: Path, name: str, owner: str) -> StoredFile:
    with video.open("rb") as source:
        return uploads.add(source, name, "highlights", owner)
