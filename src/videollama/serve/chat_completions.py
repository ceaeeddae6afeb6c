"""`/v1/chat/completions`: questions about media, answered whole or piece by piece."""

from anyio import CapacityLimiter
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from videollama.inference import scheduling
from videollama.inference.named_parts import part_named_in
from videollama.inference.scheduling import Ticket
from videollama.serve.answer_schemas import ChatCompletion, error_responses
from videollama.serve.conversation import (
    check_length,
    media_of,
    messages_of,
    question_of,
    word_choice,
)
from videollama.serve.gate import Visit
from videollama.serve.limits import Limits
from videollama.serve.media_inputs import MediaReader
from videollama.serve.metrics import Metrics
from videollama.serve.model_host import ModelHost
from videollama.serve.request_schemas import ChatCompletionRequest
from videollama.serve.running_answer import RunningAnswer, events_of
from videollama.serve.waiting import Patience, while_wanted


def chat_routes(host: ModelHost, media: MediaReader, limits: Limits, metrics: Metrics) -> APIRouter:
    """The route of conversations.

    Args:
        host: Answers.
        media: Opens what the messages show.
        limits: Of the server.
        metrics: Counts tokens.
    """
    router = APIRouter()
    threads = CapacityLimiter(limits.running_requests + limits.waiting_requests)

    @router.post(
        "/v1/chat/completions",
        response_model=ChatCompletion,
        responses=error_responses(400, 401, 404, 408, 413, 415, 422, 429, 503),
    )
    async def chat_completions(body: ChatCompletionRequest, request: Request) -> Response:
        """The model's next answer; with `stream` as server-sent events."""
        visit: Visit = request.state.visit
        patience = Patience(visit, limits.request_seconds)

        async def begin() -> RunningAnswer:
            ticket = await _ask(body, visit)
            answer = RunningAnswer(ticket, body, visit, patience, metrics, threads)
            await answer.begin()
            return answer

        answer = await while_wanted(begin(), request, patience)
        if body.stream:
            headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
            return StreamingResponse(
                events_of(answer), media_type="text/event-stream", headers=headers
            )
        try:
            completion = await while_wanted(answer.whole(), request, patience)
        finally:
            answer.ticket.cancel()
        unasked = {"flags"} if completion.flags is None else None  # OpenAI's have none
        text = completion.model_dump_json(exclude=unasked)
        return Response(text, media_type="application/json")

    async def _ask(body: ChatCompletionRequest, visit: Visit) -> Ticket:
        owner = visit.caller.owner
        assistant = host.assistant(body.model)
        check_length(body, limits)
        words = word_choice(body, limits)
        inputs = media_of(body)
        named = part_named_in(question_of(body))
        clips = await media.read(inputs, owner, assistant.processor.frame_size, named)
        of_part = named is not None and any(clip.kind != "image" for clip in clips)
        messages = messages_of(body, inputs, clips, of_part=of_part)
        asked = scheduling.Request(messages, clips, words, check=body.check)
        return host.submit(asked, request_id=visit.request_id, caller=owner)

    return router
