"""`/v1/embeddings`: media as vectors, to be compared by their inner product."""

import asyncio
import base64
from functools import partial

from anyio import to_thread
from fastapi import APIRouter, Request
from torch import Tensor

from videollama.inference.embedding import EmbeddedClip, embed_clip
from videollama.serve.answer_schemas import (
    Embedding,
    EmbeddingList,
    EmbeddingUsage,
    error_responses,
)
from videollama.serve.api_errors import ApiError
from videollama.serve.gate import Visit
from videollama.serve.limits import Limits
from videollama.serve.media_inputs import MediaInput, MediaReader
from videollama.serve.model_host import ModelHost
from videollama.serve.request_schemas import AudioPart, EmbeddingRequest, VideoPart, VideoUrl
from videollama.serve.waiting import Patience, while_wanted


def embedding_routes(host: ModelHost, media: MediaReader, limits: Limits) -> APIRouter:
    """The route of vectors.

    Args:
        host: The model; one clip at a time passes its encoders here.
        media: Opens the inputs.
        limits: Of the server.
    """
    router = APIRouter()
    one_at_a_time = asyncio.Lock()

    @router.post(
        "/v1/embeddings", responses=error_responses(400, 401, 404, 408, 413, 415, 422, 429, 503)
    )
    async def embeddings(body: EmbeddingRequest, request: Request) -> EmbeddingList:
        """One vector per medium, of length 1."""
        visit: Visit = request.state.visit
        patience = Patience(visit, limits.request_seconds)
        embedded = await while_wanted(embed(body, visit.caller.owner), request, patience)
        total = sum(each.num_tokens for each in embedded)
        visit.facts["media"] = len(embedded)
        return EmbeddingList(
            data=[
                Embedding(index=index, embedding=_written(each.vector, body.encoding_format))
                for index, each in enumerate(embedded)
            ],
            model=body.model,
            usage=EmbeddingUsage(prompt_tokens=total, total_tokens=total),
        )

    async def embed(body: EmbeddingRequest, owner: str) -> list[EmbeddedClip]:
        assistant = host.assistant(body.model)
        inputs = _inputs(body)
        clips = await media.read(inputs, owner, assistant.processor.frame_size)
        embedded = []
        for each, clip in zip(inputs, clips, strict=True):
            sound_only = isinstance(each.part, AudioPart)
            work = partial(embed_clip, assistant.encoder, clip, sound_only=sound_only)
            async with one_at_a_time:
                embedded.append(await to_thread.run_sync(work))
        return embedded

    return router


def _inputs(body: EmbeddingRequest) -> list[MediaInput]:
    """Every input with its place; a string is the address of a medium."""
    given = [body.input] if isinstance(body.input, str) else body.input
    inputs = []
    for number, item in enumerate(given):
        where = "input" if isinstance(body.input, str) else f"input[{number}]"
        if not isinstance(item, str):
            inputs.append(MediaInput(where, item))
        elif item[:5].lower() in ("data:", "http:", "https"):
            inputs.append(
                MediaInput(where, VideoPart(type="video_url", video_url=VideoUrl(url=item)))
            )
        else:
            raise ApiError(
                400,
                f"{where}: only media are embedded, text is not; send a data: URL or a content "
                "part, for example input_audio.",
                param=where,
            )
    return inputs


def _written(vector: Tensor, form: str) -> list[float] | str:
    if form == "float":
        numbers: list[float] = vector.tolist()
        return numbers
    return base64.b64encode(vector.numpy().astype("<f4").tobytes()).decode()
