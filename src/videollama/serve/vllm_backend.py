"""vLLM in the place of our decoder: media are encoded here, the words are written there.

    submit(request) ─> one thread encodes ─> prompt embeddings ─> vLLM ─> token ids ─> Ticket

Requests that run are sent to vLLM together, which batches them; all of them share one event loop.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from videollama.errors import BackendError, BusyError, InputError
from videollama.inference.answer_in_progress import AnswerInProgress, begin_answer
from videollama.inference.messages import Message
from videollama.inference.options import WordChoice
from videollama.inference.requests import Finished, Request, Ticket
from videollama.serve.limits import Limits
from videollama.serve.vllm_check import check_decoder
from videollama.serve.vllm_client import Served, VllmClient, Written
from videollama.serve.vllm_completion import completion_of

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama

T = TypeVar("T")


class _RemoteTicket(Ticket):
    """A ticket that is given up at once, also while no token comes."""

    def __init__(self, request: Request, give_up: Callable[[Ticket], None]) -> None:
        super().__init__(request)
        self._give_up = give_up

    def cancel(self) -> None:
        super().cancel()
        self._give_up(self)


class VllmBackend:
    """Answers requests of many callers by a vLLM server; takes the place of a `Scheduler`.

    Args:
        client: Of the server.
        assistant: Encodes media and writes prompts down as embeddings; its decoder needs no layers.
        limits: Answers at the same time, and how many more may wait.

    Raises:
        BackendError: The server cannot be reached, or does not serve this model's decoder so that
            it could be used.
        InputError: The model writes by a rule that vLLM does not have.
    """

    def __init__(self, client: VllmClient, assistant: "VideoLlama", limits: Limits) -> None:
        self._client, self._assistant, self._limits = client, assistant, limits
        self._changed = Condition()
        self._tickets: set[Ticket] = set()
        self._tasks: dict[Ticket, asyncio.Task[Finished]] = {}
        self._closed = False
        self._places = asyncio.Semaphore(limits.running_requests)
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="videollama-encode")
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="videollama-vllm", daemon=True)
        self._thread.start()
        try:
            self._served = self._wait_for(self._check_decoder())
        except BaseException:
            self.close(drain=False)
            raise

    def submit(self, request: Request) -> Ticket:
        """As `Scheduler.submit`.

        Raises:
            BusyError: Too many wait already, or the backend is closed.
        """
        with self._changed:
            self._require_open()
            waiting = len(self._tickets) - self._limits.running_requests
            if waiting >= self._limits.waiting_requests:
                raise BusyError(f"{waiting} requests are waiting already; ask again in a moment.")
            ticket = _RemoteTicket(request, self._give_up)
            self._tickets.add(ticket)
        self._loop.call_soon_threadsafe(self._start, ticket)
        return ticket

    def check(self) -> None:
        """That the vLLM server is there.

        Raises:
            BackendError: It is not.
            BusyError: The backend is closed.
        """
        self._require_open()
        self._wait_for(self._client.check())

    def close(self, drain: bool = True) -> None:
        """As `Scheduler.close`."""
        with self._changed:
            self._closed = True
            tickets = list(self._tickets)
        if not drain:
            for ticket in tickets:
                ticket.cancel()
        with self._changed:
            self._changed.wait_for(lambda: not self._tickets)
        if self._loop.is_closed():
            return
        self._wait_for(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._encoding.shutdown()

    def _require_open(self) -> None:
        if self._closed:
            raise BusyError("The model is shutting down; ask again when it is back.")

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _give_up(self, ticket: Ticket) -> None:
        with suppress(RuntimeError):  # the loop is closed, so the answer has ended
            self._loop.call_soon_threadsafe(self._stop, ticket)

    # ------------------------------------------------------------------ in the event loop

    def _start(self, ticket: Ticket) -> None:
        task = self._loop.create_task(self._answer(ticket))
        self._tasks[ticket] = task
        task.add_done_callback(partial(self._leave, ticket))

    def _stop(self, ticket: Ticket) -> None:
        if ticket in self._tasks:
            self._tasks[ticket].cancel()

    def _leave(self, ticket: Ticket, task: "asyncio.Task[Finished]") -> None:
        del self._tasks[ticket]
        if task.cancelled():  # before there was anything to tell
            ticket.finish(Finished("", "cancelled", 0, 0))
        else:
            ticket.finish(task.exception() or task.result())
        with self._changed:
            self._tickets.remove(ticket)
            self._changed.notify_all()

    async def _end(self) -> None:
        """Gives up what is no answer, a check for example."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()

    async def _answer(self, ticket: Ticket) -> Finished:
        async with self._places:
            if ticket.request.words.num_beams > 1:
                raise InputError("vLLM writes without beams here; set num_beams to 1.")
            if ticket.request.check:
                raise InputError("Answers that vLLM writes cannot be checked; leave check out.")
            answer = await self._begin(ticket)
            with suppress(asyncio.CancelledError):  # what was written until then is the answer
                await self._write(answer)
            return answer.finished(self._assistant.processor)

    async def _begin(self, ticket: Ticket) -> AnswerInProgress:
        """Encodes media in the one thread that does."""
        assistant = self._assistant
        work = partial(
            begin_answer, ticket, assistant.model, assistant.processor, assistant.encoder
        )
        return await self._loop.run_in_executor(self._encoding, work)

    async def _check_decoder(self) -> Served:
        words = WordChoice(max_new_tokens=1)
        question: list[Message] = [{"role": "user", "content": "What happens?"}]
        answer = await self._begin(Ticket(Request(question, words=words)))
        return await check_decoder(self._client, answer.row)

    async def _write(self, answer: AnswerInProgress) -> None:
        row, served, length = answer.row, self._served, answer.row.prompt_ids.shape[1]
        most = min(answer.ticket.request.words.max_new_tokens, served.max_model_len - length)
        if most < 1:
            raise InputError(
                f"The question has {length} tokens with its media, and vLLM reads less than "
                f"{served.max_model_len}; ask about less at once."
            )
        body = await self._loop.run_in_executor(
            self._encoding, completion_of, row, most, served.name
        )
        async with aclosing(self._client.complete(body)) as steps:
            async for step in steps:
                _take(answer, step)
                answer.show()
                if row.ended is not None:
                    return
        raise BackendError("vLLM ended an answer without a reason.")


def _take(answer: AnswerInProgress, step: Written) -> None:
    """Adds the tokens of a step, up to the one that ends the answer.

    Raises:
        BackendError: vLLM gave the answer up.
    """
    row = answer.row
    for token_id in step.token_ids:
        row.take(torch.tensor([[token_id]], device=row.ids.device))
        if row.ended is not None:
            return
    if step.finish_reason == "length":
        row.ended = "length"
    elif step.finish_reason == "stop":
        row.ended = "stop"
    elif step.finish_reason is not None:
        raise BackendError(f"vLLM ended an answer before its end ({step.finish_reason}).")
