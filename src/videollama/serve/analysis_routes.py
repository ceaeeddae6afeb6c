"""`/v1/analyses` and `/v1/stories`: what is seen and heard in a whole file, and texts about it."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response

from videollama.applications.analysis import Analysis, analyze
from videollama.applications.page import page
from videollama.applications.story import Story, tell
from videollama.applications.subtitle_files import subtitle_text
from videollama.applications.subtitles import subtitle_cues
from videollama.languages.catalogue import wording
from videollama.media.overview import Overview
from videollama.serve.answer_schemas import error_responses
from videollama.serve.api_errors import ApiError
from videollama.serve.gate import Visit
from videollama.serve.limits import Limits
from videollama.serve.request_schemas import AnalysisRequest, StoryRequest
from videollama.serve.waiting import Patience, while_wanted
from videollama.serve.whole_file_schemas import AnalysisBody, StoryBody
from videollama.serve.whole_files import OnProgress, WholeFiles

T = TypeVar("T", Analysis, Story)
_ERRORS = error_responses(400, 401, 404, 408, 413, 415, 422, 429, 503)
_MEDIA_TYPES = {"html": "text/html", "vtt": "text/vtt", "srt": "application/x-subrip"}


def analysis_routes(files: WholeFiles, limits: Limits) -> APIRouter:
    """The routes that go through a whole file.

    Args:
        files: Opens them.
        limits: Of the server.
    """
    router = APIRouter()

    @router.post("/v1/analyses", response_model=AnalysisBody, responses=_ERRORS)
    async def analyses(body: AnalysisRequest, request: Request) -> Response:
        """Scenes, sounds and people of a file, with times; or as a page, or as subtitles."""
        analysis = await made_of(body, request, lambda analysis: analysis)
        if body.response_format == "json":
            told = AnalysisBody(model=body.model, **analysis.to_dict())
            return Response(told.model_dump_json(), media_type="application/json")
        if body.response_format == "html":
            text = page(analysis, wording(body.language))
        else:
            text = subtitle_text(body.response_format, subtitle_cues(analysis))
        media_type = _MEDIA_TYPES.get(body.response_format, "text/plain")
        return Response(text.encode("utf-8", "replace"), media_type=f"{media_type}; charset=utf-8")

    @router.post("/v1/stories", responses=_ERRORS)
    async def stories(body: StoryRequest, request: Request) -> StoryBody:
        """A title, an alternative text, a post, a story or a poem, and the facts it rests on."""
        story = await made_of(body, request, partial(told, body))
        return StoryBody(model=body.model, **story.to_dict())

    def told(body: StoryRequest, analysis: Analysis) -> Story:
        assistant = files.assistant(body.model)
        return tell(assistant, analysis, body.style, tone=body.tone, language=body.language)

    async def made_of(
        body: AnalysisRequest | StoryRequest, request: Request, then: Callable[[Analysis], T]
    ) -> T:
        """What becomes of a file that is gone through; guards read all of it at once."""
        visit: Visit = request.state.visit
        check_frames(body.num_frames, limits)
        patience = Patience(visit, limits.request_seconds)
        assistant = files.assistant(body.model)

        def work(overview: Overview, on_progress: OnProgress) -> T:
            analysis = analyze(
                assistant,
                overview,
                num_frames=body.num_frames,
                language=body.language,
                on_progress=on_progress,
            )
            visit.facts["segments"] = len(analysis.segments)
            return then(analysis)

        async def made() -> T:
            async with files.opened(body.input, visit.caller.owner) as whole:
                return await files.run(visit, None, partial(work, whole.overview), _said)

        return await while_wanted(made(), request, patience)

    return router


def check_frames(num_frames: int, limits: Limits) -> None:
    """Refuses more frames than the server looks at.

    Raises:
        ApiError: 400.
    """
    if num_frames > limits.media_frames:
        raise ApiError(
            400,
            f"num_frames: {num_frames} frames were asked for, and at most {limits.media_frames} "
            "are looked at.",
            param="num_frames",
        )


def _said(result: Analysis | Story) -> str:
    return result.said
