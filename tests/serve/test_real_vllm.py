"""Greedy answers by the real vLLM have the tokens of our own decoder.

$VIDEOLLAMA_VLLM_PYTHON names the Python of an environment that has vLLM (docs/vllm.md).
"""

import copy
import os
import re
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig

from tests.serve.conftest import wait_until
from videollama.checkpoints import convert as convert_module
from videollama.errors import BackendError
from videollama.inference.answer_in_progress import AnswerInProgress
from videollama.inference.engine import VideoLlama
from videollama.inference.messages import question_message
from videollama.inference.options import WordChoice
from videollama.inference.requests import Request
from videollama.inference.scheduling import Scheduler
from videollama.media.decode import read_clip
from videollama.model.videollama import VideoLlamaForConditionalGeneration
from videollama.processing import VideoLlamaProcessor
from videollama.serve.limits import Limits
from videollama.serve.vllm_backend import VllmBackend
from videollama.serve.vllm_client import VllmClient

PYTHON = os.environ.get("VIDEOLLAMA_VLLM_PYTHON")
NUM_PROMPTS = 12
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="$VIDEOLLAMA_VLLM_PYTHON names no Python that has vLLM"
)


@pytest.fixture(scope="module")
def wide(tiny_config, tiny_tokenizer):
    """The tiny model with heads of 32, the smallest that vLLM has, and weights that disagree."""
    config = copy.deepcopy(tiny_config)
    for name, value in (("hidden_size", 64), ("head_dim", 32), ("initializer_range", 0.3)):
        setattr(config.text_config, name, value)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VideoLlamaForConditionalGeneration(config)
    model.generation_config = GenerationConfig(no_repeat_ngram_size=3)
    return VideoLlama(model, VideoLlamaProcessor(config, tiny_tokenizer))


@pytest.fixture(scope="module")
def vllm_url(wide, tmp_path_factory):
    """A vLLM that serves its decoder."""
    folder = tmp_path_factory.mktemp("vllm")
    with pytest.MonkeyPatch.context() as patch:
        read = (wide.model.config, wide.model.state_dict(), None)
        patch.setattr(convert_module, "read_model", lambda *_, **__: copy.deepcopy(read))
        convert_module.convert(None, folder / "decoder", to="decoder")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    options = {
        "--model": folder / "decoder",
        "--host": "127.0.0.1",
        "--port": port,
        "--dtype": "float32",
        "--max-model-len": 1024,
        "--logits-processors": "unrepeated:NGramPerReqLogitsProcessor",
    }
    words = [str(word) for option in options.items() for word in option]
    switches = ["--enable-prompt-embeds", "--skip-tokenizer-init", "--enforce-eager"]
    plugin = Path(__file__).parent / "vllm_plugin"
    environment = {
        **os.environ,
        "PYTHONPATH": str(plugin),
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
    }
    log = folder / "log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server", *words, *switches],
            env=environment,
            stdout=file,
            stderr=file,
        )
    url = f"http://127.0.0.1:{port}"

    def is_up():
        assert server.poll() is None, log.read_text()[-4000:]
        try:
            return urllib.request.urlopen(f"{url}/health", timeout=5).status == 200
        except OSError:
            return False

    try:
        wait_until(is_up, seconds=900)
        yield url
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture(scope="module")
def backend(vllm_url, wide):
    backend = VllmBackend(VllmClient(vllm_url), wide, Limits())
    yield backend
    backend.close()


@pytest.fixture
def token_ids(monkeypatch):
    """The tokens of every answer that ends, by its question."""
    found, finished = [], AnswerInProgress.finished

    def note(answer, processor):
        found.append((answer.ticket.request, answer.row.ids[0].tolist()))
        return finished(answer, processor)

    monkeypatch.setattr(AnswerInProgress, "finished", note)
    return found


def test_greedy_answers_have_the_same_tokens(backend, wide, clip_file, token_ids):
    clips = [read_clip(clip_file, frame_size=wide.processor.frame_size)]
    requests = [
        Request(
            [question_message(f"What moves in part {number}?", clips if number % 2 else [])],
            clips if number % 2 else (),
            WordChoice(max_new_tokens=16 + 2 * number),
        )
        for number in range(NUM_PROMPTS)
    ]
    theirs = [ticket.result() for ticket in [backend.submit(each) for each in requests]]
    by_vllm = {id(request): ids for request, ids in token_ids}
    token_ids.clear()
    scheduler = Scheduler(wide.model, wide.processor)
    ours = [scheduler.submit(each).result() for each in requests]
    scheduler.close()
    assert by_vllm == {id(request): ids for request, ids in token_ids}
    assert len({tuple(ids) for ids in by_vllm.values()}) > NUM_PROMPTS / 2
    for one, other in zip(theirs, ours, strict=True):
        assert one.text == other.text
        assert one.finish_reason == other.finish_reason
        assert one.num_prompt_tokens == other.num_prompt_tokens


def test_a_stop_token_ends_an_answer_and_is_counted(backend, wide, token_ids, monkeypatch):
    request = Request([question_message("Say it.", [])], (), WordChoice(max_new_tokens=12))
    backend.submit(request).result()
    stop = token_ids.pop()[1][4]
    arguments = {"eos_token_id": [stop], "pad_token_id": 0}
    monkeypatch.setattr(wide.processor, "stop_arguments", lambda: dict(arguments))
    finished = backend.submit(request).result()
    assert finished.finish_reason == "stop"
    assert token_ids[0][1][-1] == stop
    assert finished.num_new_tokens <= 5


def test_a_seed_repeats_a_drawn_answer(backend):
    def drawn(seed):
        words = WordChoice(max_new_tokens=12, do_sample=True, seed=seed)
        return backend.submit(Request([question_message("Why?", [])], (), words)).result().text

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_cancelled_answer_frees_its_place(backend, vllm_url):
    words = WordChoice(max_new_tokens=900)
    ticket = backend.submit(Request([question_message("Go on.", [])], (), words))
    next(iter(ticket))
    ticket.cancel()
    assert ticket.result().num_new_tokens < 900

    def is_idle():
        shown = urllib.request.urlopen(f"{vllm_url}/metrics").read().decode()
        return re.search(r"vllm:num_requests_running\{.*\} 0\.0", shown)

    wait_until(is_idle, seconds=30)


def test_another_model_is_refused(vllm_url, assistant):
    with pytest.raises(BackendError, match=r"embeddings of width 32 .* hidden_size 64"):
        VllmBackend(VllmClient(vllm_url), assistant, Limits())
