import pytest

from videollama.errors import InputError
from videollama.serve.api_errors import ApiError
from videollama.serve.auth import KEYS_VARIABLE, KeyCheck, Pages, RateLimit, read_keys
from videollama.serve.running import LOOPBACK_NAMES


def test_keys_come_from_a_file_or_else_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(KEYS_VARIABLE, "0123456789abcdef, fedcba9876543210")
    assert read_keys(None) == ("0123456789abcdef", "fedcba9876543210")
    file = tmp_path / "keys"
    file.write_text("# mine\n\n another-key-of-mine \n")
    assert read_keys(file) == ("another-key-of-mine",)
    monkeypatch.delenv(KEYS_VARIABLE)
    assert read_keys(None) == ()


@pytest.mark.parametrize(
    ("text", "words"), [("", "holds no API key"), ("short\n", "Key 1"), (None, "cannot be read")]
)
def test_a_useless_file_of_keys_is_one_sentence(tmp_path, text, words):
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=words) as error:
        read_keys(file)
    assert "short" not in str(error.value).removeprefix(str(file))


def test_the_log_name_of_a_key_does_not_hold_it():
    key = "0123456789abcdef"
    caller = KeyCheck((key,)).caller(f"Bearer {key}", "1.2.3.4")
    assert caller.owner.startswith("key-")
    assert key not in caller.owner
    with pytest.raises(ApiError, match="not valid"):
        KeyCheck((key,)).caller(f"Bearer {key}x", "1.2.3.4")


@pytest.mark.parametrize(
    ("host", "passes"),
    [("localhost:8000", True), ("127.0.0.1", True), ("[::1]:8000", True)]
    + [
        (host, False) for host in ("evil.example:8000", "", "localhost.evil.example", "a@localhost")
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(host, passes):
    """A web page can let its own name lead to this machine, and is then of the same origin."""
    pages = Pages(host_names=LOOPBACK_NAMES)
    if passes:
        pages.check(None, host)
        pages.check(f"http://{host}", host)
        return
    with pytest.raises(ApiError) as error:
        pages.check(None, host)
    assert error.value.status_code == 403


def test_callers_are_counted_apart_and_forgiven_with_time(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("videollama.serve.auth.time.monotonic", lambda: now[0])
    rate = RateLimit(2)
    for caller in ("a", "a", "b"):
        rate.take(caller)
    with pytest.raises(ApiError) as error:
        rate.take("a")
    assert error.value.headers["retry-after"] == "30"
    now[0] += 30
    rate.take("a")
