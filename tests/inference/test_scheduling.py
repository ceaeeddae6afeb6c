import threading
from contextlib import suppress
from time import sleep

import pytest

from tests.synthetic import write_clip, write_picture, write_sound
from videollama.errors import BusyError, InputError
from videollama.inference.conversation_memory import ConversationMemory
from videollama.inference.growing_text import GrowingText
from videollama.inference.messages import answer_message, question_message
from videollama.inference.options import WordChoice
from videollama.inference.scheduling import Request, Scheduler, Ticket
from videollama.media.decode import read_clip


@pytest.fixture
def scheduler(assistant):
    running = Scheduler(assistant.model, assistant.processor, max_batch=4)
    yield running
    running.close(drain=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A picture, a mute clip, a sound and a longer clip."""
    folder = tmp_path_factory.mktemp("scheduled")
    return [
        write_picture(folder / "a.png"),
        write_clip(folder / "b.mp4", seconds=0.5, sound=None),
        write_sound(folder / "c.wav", seconds=1.0),
        write_clip(folder / "d.mp4", seconds=5.0),
    ]


def request(file, question="What?", **words):
    clips = [] if file is None else [read_clip(file)]
    return Request([question_message(question, clips)], clips, WordChoice(**words))


@pytest.fixture
def held(assistant, monkeypatch):
    """Holds the decoder until the event is set, so that a test can fill the queue first."""
    go, encode = threading.Event(), assistant.model.embed_prompt

    def wait(*args, **kwargs):
        assert go.wait(60)
        return encode(*args, **kwargs)

    monkeypatch.setattr(assistant.model, "embed_prompt", wait)
    yield go
    go.set()


@pytest.fixture
def unending(monkeypatch):
    """Long answers stay at their first words until they are given up, however late that comes."""
    write = Ticket.write

    def write_and_wait(ticket, piece):
        write(ticket, piece)
        if piece and ticket.request.words.max_new_tokens > 100:
            assert ticket.cancelled.wait(60)

    monkeypatch.setattr(Ticket, "write", write_and_wait)


def test_an_answer_is_that_of_ask(assistant, scheduler, files):
    for file in files:
        expected = assistant.ask(file, "What?", max_new_tokens=9)
        finished = scheduler.submit(request(file, max_new_tokens=9)).result()
        assert finished.text == expected.text
        assert finished.num_new_tokens == expected.timings.num_new_tokens
        assert finished.seen == expected.seen
        assert finished.heard == expected.heard


def test_answers_written_together_are_those_written_alone(assistant, scheduler, files, held):
    limits = (3, 12, 1, 7)
    rows = []
    hook = assistant.model.language_model.register_forward_pre_hook(
        lambda _, args, kwargs: rows.append(len(kwargs["inputs_embeds"])), with_kwargs=True
    )
    tickets = [
        scheduler.submit(request(file, f"What{'?' * limit}", max_new_tokens=limit))
        for file, limit in zip(files * 2, limits * 2, strict=True)
    ]
    held.set()
    answers = [ticket.result() for ticket in tickets]
    hook.remove()
    assert max(rows) == 4
    assert len(rows) < sum(limits)
    for file, limit, answer in zip(files * 2, limits * 2, answers, strict=True):
        alone = assistant.ask(file, f"What{'?' * limit}", max_new_tokens=limit)
        assert answer.text == alone.text
        assert answer.num_new_tokens == alone.timings.num_new_tokens


def test_a_sampled_answer_is_that_of_ask_whoever_is_beside_it(assistant, scheduler, clip_file):
    words = {"max_new_tokens": 9, "do_sample": True, "temperature": 1.5}
    tickets = [scheduler.submit(request(clip_file, seed=seed, **words)) for seed in (1, 2, 1)]
    texts = [ticket.result().text for ticket in tickets]
    assert texts == [
        assistant.ask(clip_file, "What?", seed=seed, **words).text for seed in (1, 2, 1)
    ]
    assert texts[0] != texts[1]


@pytest.fixture
def read_lengths(assistant, monkeypatch):
    """How many tokens the decoder read in each of its passes."""
    lengths, decoder = [], assistant.model.language_model
    forward = decoder.forward

    def counted(*args, inputs_embeds, **kwargs):
        lengths.append(inputs_embeds.shape[1])
        return forward(*args, inputs_embeds=inputs_embeds, **kwargs)

    monkeypatch.setattr(decoder, "forward", counted)
    return lengths


def test_conversations_beside_one_another_keep_their_memories(
    assistant, scheduler, files, read_lengths
):
    chats = [assistant.chat(file, max_new_tokens=7) for file in files]
    talks = [([], [read_clip(file)], ConversationMemory()) for file in files]
    for question in ("What?", "And then, after that?", "Why?"):
        expected = [chat.ask(question).text for chat in chats]
        read_lengths.clear()
        tickets = []
        for messages, clips, memory in talks:
            messages.append(question_message(question, [] if messages else clips))
            words = WordChoice(max_new_tokens=7)
            tickets.append(scheduler.submit(Request(list(messages), clips, words, memory)))
        finished = [ticket.result() for ticket in tickets]
        assert [each.text for each in finished] == expected
        for (messages, _, _), each in zip(talks, finished, strict=True):
            messages.append(answer_message(each.text))
        if question != "What?":
            assert max(read_lengths) < min(each.num_prompt_tokens for each in finished) - 20


@pytest.mark.usefixtures("unending")
def test_a_conversation_goes_on_after_an_answer_that_was_given_up(assistant, scheduler, clip_file):
    clips, memory = [read_clip(clip_file)], ConversationMemory()
    messages = [question_message("What?", clips)]
    ticket = scheduler.submit(Request(messages, clips, WordChoice(max_new_tokens=300), memory))
    next(iter(ticket))
    ticket.cancel()
    messages += [answer_message(ticket.result().text), question_message("And then?", [])]
    words = WordChoice(max_new_tokens=9)
    kept = scheduler.submit(Request(messages, clips, words, memory)).result()
    assert kept.text == scheduler.submit(Request(messages, clips, words)).result().text
    assert kept.timings.see_seconds == 0


def test_pieces_join_to_the_text_for_every_reader(scheduler, clip_file):
    ticket = scheduler.submit(request(clip_file, max_new_tokens=12))
    assert "".join(ticket) == ticket.result().text == "".join(ticket)


def test_the_longest_answer_ends_by_length(scheduler, clip_file):
    finished = scheduler.submit(request(clip_file, max_new_tokens=2)).result()
    assert finished.finish_reason == "length"
    assert finished.num_new_tokens == 2


def test_an_answer_that_the_model_ends_says_stop(assistant, scheduler, monkeypatch):
    inputs = assistant.processor([question_message("What?", [])])
    ids = assistant.model.generate(**inputs, max_new_tokens=3, do_sample=False)[0].tolist()
    monkeypatch.setattr(
        type(assistant.processor), "stop_arguments", lambda self: {"eos_token_id": ids[2:]}
    )
    for max_new_tokens in (5, 3):
        finished = scheduler.submit(request(None, max_new_tokens=max_new_tokens)).result()
        assert finished.finish_reason == "stop"
        assert finished.num_new_tokens == ids.index(ids[2]) + 1


def test_the_prompt_is_counted_with_its_media(assistant, scheduler, clip_file):
    asked = request(clip_file, max_new_tokens=1)
    inputs = assistant.processor(asked.messages, clips=asked.clips)
    assert scheduler.submit(asked).result().num_prompt_tokens == inputs["input_ids"].shape[1]


def test_beams_give_the_answer_of_ask(assistant, scheduler, clip_file):
    expected = assistant.ask(clip_file, "What?", max_new_tokens=6, num_beams=3).text
    ticket = scheduler.submit(request(clip_file, max_new_tokens=6, num_beams=3))
    assert "".join(ticket) == ticket.result().text == expected


def test_an_error_comes_from_its_own_ticket_alone(scheduler, clip_file):
    broken = scheduler.submit(Request([{"role": "user", "content": [{"type": "smell"}]}]))
    fine = scheduler.submit(request(clip_file, max_new_tokens=2))
    with pytest.raises(InputError, match="smell"):
        broken.result()
    with pytest.raises(InputError, match="smell"):
        list(broken)
    assert fine.result().num_new_tokens == 2


@pytest.mark.usefixtures("unending")
def test_a_cancelled_answer_ends_as_it_is_and_frees_its_place(scheduler, clip_file):
    ticket = scheduler.submit(request(clip_file, max_new_tokens=500))
    next(iter(ticket))
    ticket.cancel()
    finished = ticket.result()
    assert finished.finish_reason == "cancelled"
    assert finished.num_new_tokens < 500
    assert "".join(ticket) == finished.text
    assert scheduler.submit(request(clip_file, max_new_tokens=1)).result().num_new_tokens == 1
    assert scheduler.num_running == scheduler.num_waiting == 0


def test_who_gives_up_while_waiting_needs_no_place(assistant, clip_file, held):
    narrow = Scheduler(assistant.model, assistant.processor, max_batch=1, max_waiting=1)
    first = narrow.submit(request(clip_file, max_new_tokens=1))
    while narrow.num_waiting:
        sleep(0.01)
    second = narrow.submit(request(clip_file, max_new_tokens=1))
    second.cancel()
    third = narrow.submit(request(clip_file, max_new_tokens=1))
    held.set()
    assert [each.result().num_new_tokens for each in (first, second, third)] == [1, 0, 1]
    narrow.close()


def test_an_error_while_writing_ends_that_answer_alone(scheduler, clip_file, monkeypatch):
    write = GrowingText.add

    def fail(self, ids):
        if len(self._ids) == 3:
            raise ValueError("three are enough")
        return write(self, ids)

    monkeypatch.setattr(GrowingText, "add", fail)
    long, short = (scheduler.submit(request(clip_file, max_new_tokens=n)) for n in (9, 2))
    with pytest.raises(ValueError, match="three are enough"):
        long.result()
    assert short.result().num_new_tokens == 2
    assert scheduler.submit(request(clip_file, max_new_tokens=2)).result().num_new_tokens == 2


def test_short_requests_that_keep_coming_do_not_stop_a_long_one(assistant):
    narrow = Scheduler(assistant.model, assistant.processor, max_batch=2, max_waiting=2)
    long = narrow.submit(request(None, max_new_tokens=9))
    reader = threading.Thread(target=long.result, daemon=True)
    reader.start()
    while reader.is_alive():
        with suppress(BusyError):
            narrow.submit(request(None, max_new_tokens=1))
        sleep(0.001)
    assert long.result().num_new_tokens == 9
    narrow.close(drain=False)


def test_a_full_queue_refuses_and_goes_on(assistant, clip_file, held):
    narrow = Scheduler(assistant.model, assistant.processor, max_batch=1, max_waiting=1)
    tickets = [narrow.submit(request(clip_file, max_new_tokens=1))]
    while narrow.num_waiting:
        sleep(0.01)  # it moves from the queue to its place a moment after it came
    tickets.append(narrow.submit(request(clip_file, max_new_tokens=1)))
    with pytest.raises(BusyError, match="1 requests are waiting"):
        narrow.submit(request(clip_file, max_new_tokens=1))
    held.set()
    assert {ticket.result().finish_reason for ticket in tickets} == {"length"}
    narrow.close()


def test_closing_finishes_what_was_taken_and_takes_no_more(assistant, clip_file):
    closing = Scheduler(assistant.model, assistant.processor)
    tickets = [closing.submit(request(clip_file, max_new_tokens=3)) for _ in range(3)]
    closing.close(drain=True)
    assert [ticket.result().num_new_tokens for ticket in tickets] == [3, 3, 3]
    with pytest.raises(BusyError, match="shutting down"):
        closing.submit(request(clip_file))


@pytest.mark.usefixtures("unending")
def test_closing_at_once_cancels_what_was_taken(assistant, clip_file):
    closing = Scheduler(assistant.model, assistant.processor)
    tickets = [closing.submit(request(clip_file, max_new_tokens=500)) for _ in range(3)]
    next(iter(tickets[0]))
    closing.close(drain=False)
    assert {ticket.result().finish_reason for ticket in tickets} == {"cancelled"}


def test_senseless_sizes_are_refused(assistant):
    with pytest.raises(InputError, match="max_batch is 0"):
        Scheduler(assistant.model, assistant.processor, max_batch=0)
