"""The official client against a real socket."""

import base64
import re
import shutil
from pathlib import Path

import numpy as np
import openai
import pytest

from tests.serve.conftest import MODEL, user, video


@pytest.fixture(scope="module")
def openai_client(real_server):
    with openai.OpenAI(base_url=f"{real_server}/v1", api_key="unused", max_retries=0) as client:
        yield client


def test_it_lists_the_model(openai_client):
    assert [model.id for model in openai_client.models.list()] == [MODEL]
    assert openai_client.models.retrieve(MODEL).id == MODEL


def test_it_asks_about_a_video_and_streams(openai_client, video_url):
    messages = user(video(video_url), "What moves?")
    whole = openai_client.chat.completions.create(model=MODEL, messages=messages, max_tokens=10)
    assert whole.choices[0].message.content
    stream = openai_client.chat.completions.create(
        model=MODEL,
        messages=messages,
        max_completion_tokens=10,
        stream=True,
        stream_options={"include_usage": True},
    )
    events = list(stream)
    pieces = [event.choices[0].delta.content or "" for event in events if event.choices]
    assert "".join(pieces).strip() == whole.choices[0].message.content
    assert events[-1].usage == whole.usage
    again = openai_client.chat.completions.create(
        model=MODEL, messages=[*messages, whole.choices[0].message, *user("Why?")], max_tokens=2
    )
    assert again.choices[0].finish_reason in ("stop", "length")


def test_it_uploads_a_file_once_and_asks_twice(openai_client, clip_file):
    before = [each.id for each in openai_client.files.list()]  # other tests share the server
    file = openai_client.files.create(file=clip_file, purpose="vision")
    assert file.filename == clip_file.name
    part = {"type": "file", "file": {"file_id": file.id, "num_frames": 2}}
    for question in ("What?", "Why?"):
        answer = openai_client.chat.completions.create(
            model=MODEL, messages=user(part, question), max_tokens=2
        )
        assert answer.usage.completion_tokens <= 2
    assert openai_client.files.content(file.id).read() == clip_file.read_bytes()
    assert [each.id for each in openai_client.files.list()] == [file.id, *before]
    assert openai_client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        openai_client.files.retrieve(file.id)


def test_it_embeds_a_video_as_base64_or_numbers(openai_client, video_url):
    vector = np.array(
        openai_client.embeddings.create(model=MODEL, input=video_url).data[0].embedding
    )
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    numbers = openai_client.embeddings.create(
        model=MODEL, input=[video_url], encoding_format="float"
    )
    assert np.allclose(numbers.data[0].embedding, vector, atol=1e-6)


def test_the_example_of_the_page_runs(real_server, clip_file, tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip_file, tmp_path / "clip.mp4")
    exec(compile(block.replace("http://127.0.0.1:8000", real_server), "docs/serve.md", "exec"), {})
    assert capsys.readouterr().out


def test_its_errors_are_the_clients_own_kinds(openai_client):
    with pytest.raises(openai.NotFoundError, match="tiny"):
        openai_client.chat.completions.create(model="gpt", messages=user("What?"))
    bad = video("data:video/mp4;base64," + base64.b64encode(b"no video").decode())
    with pytest.raises(openai.UnprocessableEntityError) as error:
        openai_client.chat.completions.create(model=MODEL, messages=user(bad, "What?"))
    assert error.value.param == "messages[0].content[0]"
