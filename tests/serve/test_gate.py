import json
import logging
import threading

import pytest

from tests.serve.conftest import MODEL, ask, user, video, wait_until
from videollama.serve.app import Access
from videollama.serve.limits import Limits

KEY = "a-key-of-a-test-1"
OTHER_KEY = "a-key-of-a-test-2"


def test_health_ready_and_the_model_list(client):
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready"}
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == [MODEL]
    assert client.get(f"/v1/models/{MODEL}").json()["object"] == "model"
    assert client.get("/v1/models/other").status_code == 404


def test_while_the_model_is_loaded_the_server_says_when_to_come_back(client_of, assistant):
    go_on = threading.Event()

    def load():
        go_on.wait(60)
        return assistant

    with client_of(load=load) as client:
        assert client.get("/health").status_code == 200
        for response in (client.get("/ready"), ask(client, user("What?"))):
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) >= 1
            assert response.json()["error"]["type"] == "server_error"
        go_on.set()
        wait_until(lambda: client.get("/ready").status_code == 200)
        assert ask(client, user("What?")).status_code == 200


def test_only_a_valid_key_may_ask(client_of, tmp_path):
    with client_of(access=Access(keys=(KEY, OTHER_KEY), files_folder=tmp_path)) as client:
        assert client.get("/health").status_code == 200
        for header in ({}, {"authorization": "Bearer nothing"}, {"authorization": KEY}):
            for path in ("/v1/models", "/metrics"):
                response = client.get(path, headers=header)
                assert response.status_code == 401
                assert response.json()["error"]["code"] == "invalid_api_key"
                assert response.headers["www-authenticate"] == "Bearer"
        mine = {"authorization": f"Bearer {KEY}"}
        assert client.get("/v1/models", headers=mine).status_code == 200
        upload = client.post("/v1/files", files={"file": ("a.bin", b"12")}, headers=mine).json()
        theirs = {"authorization": f"Bearer {OTHER_KEY}"}
        assert client.get(f"/v1/files/{upload['id']}", headers=mine).status_code == 200
        assert client.get(f"/v1/files/{upload['id']}", headers=theirs).status_code == 404
        assert client.get("/v1/files", headers=theirs).json()["data"] == []


def test_more_requests_than_a_key_may_send_are_told_to_wait(client_of):
    with client_of(Limits(requests_per_minute=2)) as client:
        statuses = [ask(client, user("What?"), max_tokens=1).status_code for _ in range(2)]
        assert statuses == [200, 200]
        response = ask(client, user("What?"))
        assert response.status_code == 429
        assert 1 <= int(response.headers["retry-after"]) <= 30
        assert client.get("/v1/models").status_code == 200


def test_a_full_server_says_429_and_answers_the_rest(client_of, video_url):
    limits = Limits(running_requests=1, waiting_requests=1, requests_per_minute=10_000)
    with client_of(limits) as client:
        responses = []

        def work():
            responses.append(ask(client, user(video(video_url), "What?"), max_tokens=20))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        statuses = sorted(response.status_code for response in responses)
        assert set(statuses) == {200, 429}, statuses
        full = next(response for response in responses if response.status_code == 429)
        assert full.headers["retry-after"]
        assert ask(client, user("What?")).status_code == 200


def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(client_of):
    with client_of(Limits(body_bytes=1000)) as client:
        headers = {"content-type": "application/json"}
        for body in (b"{" + b" " * 2000, iter([b"{", b" " * 2000])):
            response = client.post("/v1/chat/completions", content=body, headers=headers)
            assert response.status_code == 413
            assert "1000 bytes" in response.json()["error"]["message"]


def test_an_answer_that_takes_too_long_is_ended(client_of, video_url):
    with client_of(Limits(request_seconds=0.01)) as client:
        response = ask(client, user(video(video_url), "What?"), max_tokens=50)
        assert response.status_code == 408
        assert response.json()["error"]["code"] == "timeout"


def test_an_unknown_address_or_method_has_an_error_body_too(client):
    assert client.get("/v1/nothing").json()["error"]["code"] == "not_found"
    assert client.put("/v1/models").json()["error"]["code"] == "method_not_allowed"


def test_pages_of_other_origins_may_ask_only_when_told(client, client_of, tmp_path):
    page = {"origin": "https://page.example"}
    assert client.get("/v1/models", headers=page).status_code == 403
    assert client.get("/v1/models", headers={"origin": "http://testserver"}).status_code == 200
    access = Access(origins=("https://page.example",), files_folder=tmp_path)
    with client_of(access=access) as open_client:
        response = open_client.get("/v1/models", headers=page)
        assert response.headers["access-control-allow-origin"] == "https://page.example"
        preflight = {**page, "access-control-request-method": "POST"}
        assert open_client.options("/v1/models", headers=preflight).status_code == 200


def test_the_log_tells_what_happened_and_nothing_of_what_was_said(client, caplog):
    with caplog.at_level(logging.INFO, "videollama.serve"):
        response = ask(client, user("My secret question?"), user="me@example.org")
    answer = response.json()["choices"][0]["message"]["content"]
    (facts,) = [record.facts for record in caplog.records if hasattr(record, "facts")]
    assert facts["request_id"] == response.headers["x-request-id"]
    assert facts["route"] == "/v1/chat/completions"
    assert facts["status"] == 200
    assert facts["completion_tokens"] == response.json()["usage"]["completion_tokens"]
    line = json.dumps(facts)
    assert not any(words in line for words in ("secret", "example.org", answer))


@pytest.mark.parametrize(
    ("wish", "kept"), [("trace-1.a", True), ('x" }\n', False), ("a" * 99, False)]
)
def test_a_clients_request_id_is_kept_if_it_is_harmless(client, wish, kept):
    given = client.get("/health", headers={"x-request-id": wish.strip("\n")}).headers[
        "x-request-id"
    ]
    assert (given == wish) is kept


def test_metrics_count_requests_and_tokens(client):
    ask(client, user("What?"))
    page = client.get("/metrics").text
    assert 'videollama_requests_total{route="/v1/chat/completions",status="200"}' in page
    assert 'videollama_tokens_total{kind="completion"}' in page
    assert "videollama_ready 1.0" in page


def test_a_defect_of_ours_is_a_500_without_its_text(client_of, monkeypatch, caplog):
    from videollama.serve import chat_completions

    def broken(*_):
        raise RuntimeError("the user's words")

    monkeypatch.setattr(chat_completions, "check_length", broken)
    with client_of() as client:
        response = ask(client, user("What?"))
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    assert "user's words" not in response.text
