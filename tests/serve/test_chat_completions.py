import base64
import json

import pytest

from tests.serve.conftest import MODEL, ask, data_url, user, video, wait_until
from tests.synthetic import write_clip, write_picture, write_sound
from videollama.errors import InputError
from videollama.inference import scheduling
from videollama.inference.answer import Flag


def error_of(response):
    body = response.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    assert "Traceback" not in body["message"]
    return response.status_code, body["param"], body["message"]


def test_a_question_about_a_video_is_answered_as_in_python(client, assistant, video_url, clip_file):
    response = ask(client, user(video(video_url, num_frames=4), "What moves?"), max_tokens=8)
    assert response.status_code == 200, response.text
    completion = response.json()
    expected = assistant.ask(clip_file, "What moves?", num_frames=4, max_new_tokens=8)
    assert completion["choices"][0]["message"] == {"role": "assistant", "content": expected.text}
    assert completion["object"] == "chat.completion"
    assert completion["model"] == MODEL
    usage = completion["usage"]
    assert usage["completion_tokens"] <= 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert response.headers["x-request-id"].startswith("req-")


def test_pictures_sounds_and_turns_are_mixed(client, tmp_path):
    picture = data_url(write_picture(tmp_path / "a.png"), "image/png")
    sound = base64.b64encode(write_sound(tmp_path / "a.wav").read_bytes()).decode()
    first = user(
        {"type": "image_url", "image_url": {"url": picture, "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}},
        "Do they fit?",
    )
    said = {"role": "assistant", "content": "Yes."}
    system = {"role": "developer", "content": "Be short."}
    response = ask(client, [system, *first, said, *user("Why?")])
    assert response.status_code == 200, response.text


def test_a_stream_joins_to_the_answer_and_ends_with_usage(client, video_url):
    messages = user(video(video_url), "What moves?")
    whole = ask(client, messages, max_tokens=12).json()
    response = ask(
        client, messages, max_tokens=12, stream=True, stream_options={"include_usage": True}
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.split("\n\n") if line]
    assert lines.pop() == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    text = "".join(
        choice["delta"].get("content", "") for event in events for choice in event["choices"]
    )
    assert text.strip() == whole["choices"][0]["message"]["content"]
    assert events[-2]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert events[-1]["choices"] == []
    assert events[-1]["usage"] == whole["usage"]
    assert {event["id"] for event in events} == {events[0]["id"]}


def test_a_stop_string_ends_the_answer_before_it(client):
    whole = ask(client, user("Say a lot."), max_tokens=24).json()["choices"][0]["message"][
        "content"
    ]
    stop = whole[3:5]
    answer = ask(client, user("Say a lot."), max_tokens=24, stop=[stop]).json()["choices"][0]
    assert answer["message"]["content"] == whole[: whole.index(stop)].strip()
    assert answer["finish_reason"] == "stop"


def test_a_seed_repeats_a_drawn_answer(client):
    drawn = [
        ask(client, user("Why?"), max_tokens=12, temperature=1.5, seed=seed).json()
        for seed in (1, 1, 2)
    ]
    texts = [each["choices"][0]["message"]["content"] for each in drawn]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"messages": []}, 400, "messages"),
        ({"messages": "hello"}, 400, "messages"),
        ({"model": "gpt-4"}, 404, "model"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"max_tokens": 10**6}, 400, "max_tokens"),
        ({"temperature": 3}, 400, "temperature"),
        ({"n": 2}, 400, "n"),
        ({"tools": []}, 400, "tools"),
        ({"messages": [{"role": "robot", "content": "a"}]}, 400, "messages[0]"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, 400, None),
        ({"messages": user("  ")}, 400, "messages[0].content"),
        ({"messages": [*user("a")] * 200}, 400, "messages"),
        ({"messages": user("a" * 200_000)}, 413, "messages"),
        ({"messages": user("a", {"type": "smell"})}, 400, "messages[0].content[1]"),
        (
            {"messages": user("a", {"type": "video_url", "video_url": {}})},
            400,
            "messages[0].content[1].video_url.url",
        ),
        ({"stream_options": {"include_usage": True}}, 400, None),
    ],
)
def test_a_bad_field_is_named(client, change, status, param):
    response = client.post(
        "/v1/chat/completions", json={"model": MODEL, "messages": user("What?"), **change}
    )
    assert error_of(response)[:2] == (status, param)


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("data:video/mp4;base64,!!!!", 400, "base64"),
        ("data:video/mp4,hello", 400, "must look like"),
        ("data:text/html;base64,aGVsbG8=", 415, "text/html"),
        ("data:video/mp4;base64,aGVsbG8=", 422, "not a video"),
        ("data:video/mp4;base64,", 422, "empty"),
        ("/etc/passwd", 400, "never files of the server"),
        ("file:///etc/passwd", 400, "never files of the server"),
        ("http://127.0.0.1/clip.mp4", 400, "--allow-urls"),
    ],
)
def test_a_bad_medium_is_named_by_its_place(client, url, status, words):
    response = ask(
        client,
        [*user("Hello."), {"role": "assistant", "content": "Hi."}, *user("What?", video(url))],
    )
    assert error_of(response)[:2] == (status, "messages[2].content[1]")
    assert words in response.text
    assert "/tmp" not in response.text


def test_moments_that_do_not_fit_are_refused(client, video_url):
    cases = [
        ({"start_seconds": 60}, "beyond the end"),
        ({"start_seconds": 2, "end_seconds": 1}, "not after"),
        ({"num_frames": 1000}, "at most 64"),
        ({"frames_per_second": 60}, "end_seconds"),
    ]
    for moments, words in cases:
        status, param, message = error_of(ask(client, user(video(video_url, **moments), "What?")))
        assert (status, param) == (400, "messages[0].content[0]")
        assert words in message


def test_each_question_is_answered_from_the_part_that_it_names(
    client, assistant, tmp_path, monkeypatch
):
    parts, encode = [], assistant.encoder.encode

    def noting(messages, clips):
        parts.append([(clip.start_seconds, round(clip.duration_seconds)) for clip in clips])
        return encode(messages, clips)

    monkeypatch.setattr(assistant.encoder, "encode", noting)
    url = data_url(write_clip(tmp_path / "clip.mp4", seconds=5.0), "video/mp4")
    picture = data_url(write_picture(tmp_path / "a.png"), "image/png")
    shown = {"type": "image_url", "image_url": {"url": picture}}
    first = user(video(url), shown, "What moves between 0:01 and 0:03?")
    said = {"role": "assistant", "content": "Nothing."}
    chosen = user(video(url, start_seconds=0), "What moves between 0:01 and 0:03?")
    for messages in (first, [*first, said, *user("And then?")], chosen):
        assert ask(client, messages, max_tokens=1).status_code == 200
    assert parts == [[(1.0, 2), (0.0, 0)], [(0.0, 5), (0.0, 0)], [(0.0, 5)]]


def test_about_a_named_part_the_model_is_asked_without_the_times(client, tmp_path):
    url = data_url(write_clip(tmp_path / "clip.mp4", seconds=5.0), "video/mp4")
    named = user(video(url), "What moves between 0:01 and 0:03?")
    chosen = user(video(url, start_seconds=1, end_seconds=3), "What moves?")
    answers = [ask(client, messages, max_tokens=8).json() for messages in (named, chosen)]
    assert answers[0]["choices"] == answers[1]["choices"]
    assert answers[0]["usage"] == answers[1]["usage"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What is heard from 5:00 to 6:00?", "beyond the end"),
        ("What is heard from 6:00 to 5:00?", "not after"),
    ],
)
def test_a_named_part_that_is_not_there_is_refused_with_the_way_out(
    client, tmp_path, question, words
):
    sound = base64.b64encode(write_sound(tmp_path / "a.wav").read_bytes()).decode()
    part = {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}}
    status, param, message = error_of(ask(client, user(part, question)))
    assert (status, param) == (400, "messages[0].content[0]")
    assert words in message
    assert "The question names this part; give start_seconds 0" in message


def test_a_sound_without_sound_is_refused(client, mute_file):
    data = base64.b64encode(mute_file.read_bytes()).decode()
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "m4a"}}
    assert error_of(ask(client, user(part, "What?")))[0] == 422


def test_strange_characters_are_answered(client):
    turn = '{"role": "user", "content": "\\ud800 \\u0000"}'
    body = f'{{"model": "{MODEL}", "max_tokens": 2, "messages": [{turn}]}}'
    headers = {"content-type": "application/json"}
    assert client.post("/v1/chat/completions", content=body, headers=headers).status_code == 200


def test_what_is_not_json_is_said(client):
    headers = {"content-type": "application/json"}
    response = client.post("/v1/chat/completions", content=b'{"model": ', headers=headers)
    assert error_of(response)[0] == 400
    response = client.post("/v1/chat/completions", content=b"hello")
    assert error_of(response)[0] == 415


def test_flags_stand_in_the_answer_where_they_are_asked_for(client, video_url, monkeypatch):
    flag = Flag("object", "a boat", "unlikely", 0.25)
    monkeypatch.setattr(scheduling, "flags_of", lambda *_: (flag,))
    messages = user(video(video_url), "What moves?")
    assert "flags" not in ask(client, messages).json()
    assert ask(client, messages, check=True).json()["flags"] == [flag.to_dict()]
    streamed = ask(client, messages, check=True, stream=True).text.split("\n\n")
    last = json.loads(streamed[-3].removeprefix("data: "))
    assert last["choices"][0]["finish_reason"]
    assert last["flags"] == [flag.to_dict()]


def test_a_check_that_fails_costs_one_answer(client, video_url, monkeypatch):
    def fail(*_):
        raise InputError("There is no memory for this.")

    monkeypatch.setattr(scheduling, "flags_of", fail)
    assert error_of(ask(client, user("What?"), check=True))[0] == 400
    assert ask(client, user("What?")).status_code == 200


def test_a_question_in_a_language_that_the_model_does_not_know_is_refused_in_it(client, video_url):
    response = ask(client, user(video(video_url), "Что происходит в этом видео?"))
    status, _, message = error_of(response)
    assert (status, response.json()["error"]["code"]) == (400, "unsupported_language")
    assert message.startswith("Эта модель не знает этого языка; она знает английский")


def test_a_question_in_chinese_is_answered_by_a_model_that_knows_it(
    client_of, chinese_assistant, video_url
):
    with client_of(load=lambda: chinese_assistant) as client:
        wait_until(lambda: client.get("/v1/models").status_code == 200)
        wait_until(lambda: ask(client, user("你好？")).status_code != 503)
        response = ask(client, user(video(video_url), "视频里发生了什么？"))
    assert response.status_code == 200, response.text
