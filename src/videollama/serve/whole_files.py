"""Work that goes through a whole file, not through a few frames of it: one file at a time."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from anyio import to_thread

from videollama.media.overview import Overview
from videollama.serve.api_errors import ApiError
from videollama.serve.decoding import DecodePool, DecodingError
from videollama.serve.gate import Visit
from videollama.serve.media_inputs import MediaInput, MediaReader
from videollama.serve.model_host import ModelHost
from videollama.serve.request_schemas import AudioPart, FilePart, MediaPart, VideoPart
from videollama.serve.waiting import GivenUpError, to_the_end

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama

T = TypeVar("T")
OnProgress = Callable[[int, int], None]
_WHERE = "input"


@dataclass(frozen=True)
class WholeFile:
    """A file that is gone through.

    Attributes:
        file: Where it is as long as it is open.
        overview: What is known of it before anything is asked, under the name that people know.
    """

    file: Path
    overview: Overview


class WholeFiles:
    """Opens whole files in processes of their own, and lets the model go through them.

    Args:
        host: The model.
        media: Opens what requests bring.
        pool: Decodes files.
    """

    def __init__(self, host: ModelHost, media: MediaReader, pool: DecodePool) -> None:
        self._host, self._media, self._pool = host, media, pool
        self._one_at_a_time = asyncio.Lock()

    def assistant(self, model: str) -> "VideoLlama":
        """The model, if that is its name and it writes by itself.

        Raises:
            ApiError: As `ModelHost.assistant`; 400 where vLLM writes the words.
        """
        return writing_assistant(self._host, model)

    @asynccontextmanager
    async def opened(self, part: MediaPart, owner: str) -> AsyncGenerator[WholeFile]:
        """Looks a file over; it is there as long as the block lasts.

        Raises:
            ApiError: Why the file cannot be used.
        """
        _refuse_moments(part)
        each = MediaInput(_WHERE, part)
        async with self._media.file_of(each, owner) as file:
            try:
                overview = await self._pool.look_over(file)
            except DecodingError as error:
                raise error.as_api_error(file, _WHERE) from error
            if isinstance(part, AudioPart):
                overview = replace(overview, kind="audio", picture_seconds=0.0, cuts_seconds=())
            name = self._media.name_of(each, owner)
            yield WholeFile(file, replace(overview, path=Path(name)))

    async def run(
        self,
        visit: Visit,
        question: str | None,
        work: Callable[[OnProgress], T],
        words_of: Callable[[T], str],
    ) -> T:
        """Lets the model work; what nobody waits for any more ends with its next segment.

        Args:
            visit: The request.
            question: What guards read before; None where the caller wrote nothing.
            work: Takes what is to be called with the segments that are done, and all of them.
            words_of: What guards read afterwards.

        Raises:
            RefusedError: A guard objects.
        """
        given_up = Event()

        def go_on(*_: int) -> None:
            if given_up.is_set():
                raise GivenUpError

        guarded = partial(
            self._host.answer,
            question,
            partial(work, go_on),
            words_of,
            request_id=visit.request_id,
            caller=visit.caller.owner,
        )
        async with self._one_at_a_time:
            return await to_the_end(to_thread.run_sync(guarded), given_up.set)


def _refuse_moments(part: MediaPart) -> None:
    """What would be ignored is refused."""
    if isinstance(part, VideoPart | FilePart):
        moments = part.video_url if isinstance(part, VideoPart) else part.file
        given = sorted(moments.model_fields_set - {"url", "file_id"})
        if given:
            raise ApiError(
                400,
                f"{_WHERE}: the file is gone through from its beginning to its end; leave "
                f"{', '.join(given)} out.",
                param=_WHERE,
            )


def writing_assistant(host: ModelHost, model: str) -> "VideoLlama":
    """The model, if that is its name and it writes by itself.

    Raises:
        ApiError: As `ModelHost.assistant`; 400 where vLLM writes the words.
    """
    assistant = host.assistant(model)
    if assistant.model.config.text_config.num_hidden_layers == 0:
        raise ApiError(
            400,
            "Here vLLM writes the words, which knows conversations only; ask a server without "
            "--backend vllm.",
            code="not_available",
        )
    return assistant
