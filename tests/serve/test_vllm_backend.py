"""Answers by vLLM, against a server that speaks as vLLM does."""

import copy
import json
import socket
import time
from dataclasses import replace
from functools import partial

import pytest
import torch
from transformers import AutoModelForCausalLM, GenerationConfig, StoppingCriteriaList

from tests.serve.conftest import ask, user, video, wait_until
from tests.serve.fake_vllm import FakeVllm
from videollama.errors import BackendError, BusyError, InputError
from videollama.inference.engine import VideoLlama
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.inference.requests import Request
from videollama.inference.scheduling import Scheduler
from videollama.media.decode import read_clip
from videollama.prompts import EndsWith
from videollama.serve.limits import Limits
from videollama.serve.vllm_backend import VllmBackend
from videollama.serve.vllm_client import VllmClient


@pytest.fixture
def vllm(tiny_model):
    """A server with the decoder of the tiny model."""
    server = FakeVllm(tiny_model.language_model)
    yield server
    server.close()


@pytest.fixture
def backend_of(assistant):
    """Gives a backend for a server; all are closed at the end."""
    begun = []

    def backend(vllm, assistant=assistant, **limits):
        begun.append(VllmBackend(VllmClient(vllm.url), assistant, Limits(**limits)))
        return begun[-1]

    yield backend
    for each in begun:
        each.close(drain=False)


def question(text="What moves?", clips=(), **words):
    return Request([question_message(text, list(clips))], clips, WordChoice(**words))


def without_layers(tiny_model, tiny_processor):
    """What `decoder_layers=False` loads: it can encode, and write nothing."""
    model = copy.deepcopy(tiny_model)
    model.config.text_config.num_hidden_layers = 0
    layerless = AutoModelForCausalLM.from_config(model.config.text_config)
    layerless.set_input_embeddings(model.get_input_embeddings())
    model.language_model = layerless
    return VideoLlama(model, tiny_processor)


def test_answers_are_those_of_our_own_decoder(
    vllm, backend_of, assistant, tiny_model, tiny_processor, clip_file
):
    clips = [read_clip(clip_file, frame_size=tiny_processor.frame_size)]
    requests = [
        question("What moves?", clips, max_new_tokens=20),
        question("And what is heard?", clips, max_new_tokens=7),
        question("Say something.", max_new_tokens=30),
    ]
    backend = backend_of(vllm, without_layers(tiny_model, tiny_processor))
    theirs = [ticket.result() for ticket in [backend.submit(each) for each in requests]]
    scheduler = Scheduler(assistant.model, assistant.processor)
    ours = [scheduler.submit(each).result() for each in requests]
    scheduler.close()
    for one, other in zip(theirs, ours, strict=True):
        assert one.text == other.text
        assert one.finish_reason == other.finish_reason
        assert one.num_prompt_tokens == other.num_prompt_tokens
        assert one.num_new_tokens == other.num_new_tokens
        assert (one.seen, one.heard) == (other.seen, other.heard)


def test_an_answer_ends_where_the_template_says(vllm, backend_of, assistant, monkeypatch):
    backend = backend_of(vllm)
    backend.submit(question(max_new_tokens=12)).result()
    assert vllm.bodies[-1]["stop_token_ids"] == [assistant.processor.tokenizer.eos_token_id]
    ids = list(vllm.answers[-1])
    arguments = {"eos_token_id": [ids[4]], "pad_token_id": 0}
    monkeypatch.setattr(assistant.processor, "stop_arguments", lambda: dict(arguments))
    ended = backend.submit(question(max_new_tokens=12)).result()
    assert ended.finish_reason == "stop"
    assert ended.num_new_tokens == ids.index(ids[4]) + 1


def test_an_answer_ends_after_several_tokens_that_vllm_knows_nothing_of(
    vllm, backend_of, assistant, monkeypatch
):
    backend = backend_of(vllm)
    backend.submit(question(max_new_tokens=12)).result()
    ids = list(vllm.answers[-1])
    criteria = StoppingCriteriaList([EndsWith([ids[3:5]])])
    arguments = {"stopping_criteria": criteria, "eos_token_id": None, "pad_token_id": 0}
    monkeypatch.setattr(assistant.processor, "stop_arguments", lambda: dict(arguments))
    vllm.seconds_per_token = 0.05
    ended = backend.submit(question(max_new_tokens=300)).result()
    assert ended.finish_reason == "stop"
    assert ended.num_new_tokens <= 5
    wait_until(lambda: vllm.left == 1)


def test_rules_are_said_in_vllms_words(vllm, backend_of):
    backend = backend_of(vllm)
    backend.submit(question(max_new_tokens=3)).result()
    greedy = vllm.bodies[-1]
    assert (greedy["temperature"], greedy["top_p"], greedy["top_k"]) == (0, 1, 0)
    assert greedy["repetition_penalty"] == 1
    drawn = question(max_new_tokens=3, do_sample=True, temperature=0.7, top_p=0.8, seed=2**62)
    backend.submit(drawn).result()
    body = vllm.bodies[-1]
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.7, 0.8, 2**62)
    assert body["top_k"] == 50  # transformers' default, which our own decoder draws with too


def test_a_rule_about_repetitions_is_kept(vllm, backend_of, assistant, monkeypatch):
    monkeypatch.setattr(
        assistant.model, "generation_config", GenerationConfig(no_repeat_ngram_size=2)
    )
    request = question(max_new_tokens=40)
    theirs = backend_of(vllm).submit(request).result()
    scheduler = Scheduler(assistant.model, assistant.processor)
    assert theirs.text == scheduler.submit(request).result().text
    scheduler.close()
    assert vllm.bodies[-1]["vllm_xargs"]["ngram_size"] == 2


def test_a_cancelled_answer_frees_its_place_in_vllm(vllm, backend_of):
    vllm.seconds_per_token = 0.02
    backend = backend_of(vllm, running_requests=1)
    ticket = backend.submit(question(max_new_tokens=400))
    next(iter(ticket))
    ticket.cancel()
    finished = ticket.result()
    assert finished.finish_reason == "cancelled"
    assert 0 < finished.num_new_tokens < 400
    wait_until(lambda: vllm.left == 1)
    assert backend.submit(question(max_new_tokens=1)).result().finish_reason == "length"


def test_an_answer_is_given_up_before_its_first_token(vllm, backend_of):
    backend = backend_of(vllm)
    vllm.seconds_per_token = 600
    ticket = backend.submit(question())
    wait_until(lambda: len(vllm.bodies) == 3)
    ticket.cancel()
    assert ticket.result().num_new_tokens == 0


def test_too_many_at_once_are_refused(vllm, backend_of):
    vllm.seconds_per_token = 0.05
    backend = backend_of(vllm, running_requests=1, waiting_requests=1)
    tickets = [backend.submit(question(max_new_tokens=300)) for _ in range(2)]
    with pytest.raises(BusyError, match="1 requests are waiting already"):
        backend.submit(question())
    for ticket in tickets:
        ticket.cancel()
    assert [ticket.result().finish_reason for ticket in tickets] == ["cancelled"] * 2
    backend.close()
    with pytest.raises(BusyError, match="shutting down"):
        backend.submit(question())


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"breaks_after": 2}, "broke off in the middle"),
        ({"error_after": 2}, "broke off: EngineDeadError"),
        ({"gives_up_after": 2}, r"before its end \(abort\)"),
    ],
)
def test_an_answer_that_breaks_off_is_an_error(vllm, backend_of, fault, words):
    backend = backend_of(vllm)
    for name, value in fault.items():
        setattr(vllm, name, value)
    ticket = backend.submit(question(max_new_tokens=9))
    with pytest.raises(BackendError, match=words):
        ticket.result()
    vllm.breaks_after = vllm.error_after = vllm.gives_up_after = None
    assert backend.submit(question(max_new_tokens=9)).result().num_new_tokens == 9


def test_a_question_that_is_too_long_is_the_callers_to_shorten(vllm, backend_of):
    backend = backend_of(vllm)
    with pytest.raises(InputError, match="vLLM reads less than 512; ask about less at once"):
        backend.submit(question("a" * 600)).result()
    cut = backend.submit(question("a" * 400, max_new_tokens=500)).result()
    assert cut.finish_reason in ("length", "stop")


def test_beams_are_refused(vllm, backend_of):
    with pytest.raises(InputError, match="without beams"):
        backend_of(vllm).submit(question(num_beams=2)).result()


def test_a_check_is_refused(vllm, backend_of):
    with pytest.raises(InputError, match="cannot be checked"):
        backend_of(vllm).submit(replace(question(), check=True)).result()


# ---------------------------------------------------------------------- at the start


def test_an_address_where_nobody_answers_is_named(assistant):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(BackendError, match=f"does not answer .*{url}.*--vllm-url"):
        VllmBackend(VllmClient(url), assistant, Limits())


@pytest.mark.parametrize("url", ["127.0.0.1:8001", "ftp://a", "http://", "http://a:b"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(InputError, match="must look like"):
        VllmClient(url)


def test_another_server_is_no_vllm(real_server, assistant):
    with pytest.raises(BackendError, match=r"What answers is no vLLM; .*--vllm-url"):
        VllmBackend(VllmClient(real_server), assistant, Limits())


def test_a_key_is_sent_where_one_is_wanted(vllm, assistant):
    vllm.key = "0123"
    with pytest.raises(BackendError, match="VLLM_API_KEY"):
        VllmBackend(VllmClient(vllm.url), assistant, Limits())
    VllmBackend(VllmClient(f"{vllm.url}/v1/", "0123"), assistant, Limits()).close()


def test_prompt_embeddings_must_be_on(vllm, backend_of):
    vllm.allows_embeds = False
    with pytest.raises(BackendError, match="start it with --enable-prompt-embeds"):
        backend_of(vllm)


def other_decoder(config, **changes):
    config = copy.deepcopy(config.text_config)
    for name, value in changes.items():
        setattr(config, name, value)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return AutoModelForCausalLM.from_config(config).eval()


def test_a_decoder_of_another_width_is_refused(vllm, backend_of, tiny_config):
    vllm.decoder = other_decoder(tiny_config, hidden_size=64, head_dim=32)
    with pytest.raises(BackendError, match=r"embeddings of width 32 .*hidden_size"):
        backend_of(vllm)


def test_another_decoder_of_the_same_width_is_refused(vllm, backend_of, tiny_config):
    vllm.decoder = other_decoder(tiny_config)
    with pytest.raises(BackendError, match="the-decoder, which knows other words"):
        backend_of(vllm)


def test_a_server_that_repeats_is_refused_where_the_model_may_not(
    vllm, backend_of, assistant, monkeypatch
):
    vllm.keeps_from_repeating = False
    backend_of(vllm)
    monkeypatch.setattr(
        assistant.model, "generation_config", GenerationConfig(no_repeat_ngram_size=3)
    )
    with pytest.raises(BackendError, match=r"no 3 tokens twice .*NGramPerReqLogitsProcessor"):
        backend_of(vllm)


@pytest.mark.filterwarnings("ignore:Passing `repetition_penalty`")
def test_a_rule_without_counterpart_is_refused(vllm, backend_of, assistant, monkeypatch):
    monkeypatch.setattr(
        assistant.model, "generation_config", GenerationConfig(repetition_penalty=1.2)
    )
    with pytest.raises(InputError, match="RepetitionPenaltyLogitsProcessor has no counterpart"):
        backend_of(vllm)


# ---------------------------------------------------------------------- over HTTP


@pytest.fixture
def served_by_vllm(vllm, client_of):
    """A client of our server, whose words the fake vLLM writes."""
    begin = partial(VllmBackend, VllmClient(vllm.url))
    with client_of(begin=begin) as client:
        yield client


def test_the_same_question_gets_the_same_body(served_by_vllm, client, video_url):
    messages = user(video(video_url), "What moves?")
    theirs = ask(served_by_vllm, messages, max_tokens=12).json()
    ours = ask(client, messages, max_tokens=12).json()
    assert theirs["choices"] == ours["choices"]
    assert theirs["usage"] == ours["usage"]
    stop = ours["choices"][0]["message"]["content"][3:5]
    stopped = [
        ask(each, messages, max_tokens=12, stop=stop).json() for each in (served_by_vllm, client)
    ]
    assert stopped[0]["choices"] == stopped[1]["choices"]


def test_a_stream_that_breaks_off_ends_with_an_error(vllm, served_by_vllm):
    vllm.breaks_after = 3
    response = ask(served_by_vllm, user("Say a lot."), max_tokens=12, stream=True)
    assert response.status_code == 200
    last = json.loads(response.text.strip().split("\n\n")[-1].removeprefix("data: "))
    assert last["error"]["code"] == "backend_unavailable"


def test_while_vllm_is_away_requests_are_503_and_the_server_goes_on(vllm, served_by_vllm):
    def ready():
        shown = served_by_vllm.get("/metrics").text
        status = served_by_vllm.get("/ready").status_code
        return status, "videollama_ready 1.0" in shown

    assert ready() == (200, True)
    vllm.breaks_after, vllm.is_healthy = 0, False
    response = ask(served_by_vllm, user("What?"))
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "backend_unavailable"
    assert response.headers["retry-after"]
    assert ready() == (503, False)
    assert served_by_vllm.get("/health").status_code == 200
    vllm.breaks_after, vllm.is_healthy = None, True
    assert ready() == (200, True)
    assert ask(served_by_vllm, user("What?")).status_code == 200


def test_a_time_limit_frees_the_place_in_vllm(vllm, client_of):
    limits = Limits(request_seconds=3, requests_per_minute=10_000)
    with client_of(limits, begin=partial(VllmBackend, VllmClient(vllm.url))) as client:
        vllm.seconds_per_token = 0.05
        started = time.monotonic()
        assert ask(client, user("Say a lot."), max_tokens=400).status_code == 408
        assert time.monotonic() - started < 20
        # On a busy machine the time may be over before vLLM was asked.
        wait_until(lambda: vllm.left == sum(body["max_tokens"] == 400 for body in vllm.bodies))
