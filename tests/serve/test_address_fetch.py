import asyncio
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from videollama.serve import address_fetch
from videollama.serve.address_fetch import fetch, is_public
from videollama.serve.api_errors import ApiError
from videollama.serve.limits import Limits


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_an_address_near_here_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111"])
def test_an_address_on_the_internet_is(address):
    assert is_public(address)


@pytest.fixture
def web(clip_file):
    """A web server on loopback; gives its port and what it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["host"]))
            if self.path.startswith("/to/"):
                self.send_response(302)
                self.send_header("location", self.path.removeprefix("/to/"))
                self.end_headers()
            elif self.path == "/clip.mp4":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(clip_file.read_bytes())
            else:
                self.send_error(404)

        def log_message(self, *_):
            pass

    asked = []
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def names(monkeypatch):
    """What names lead to, in place of the name servers; counts the questions."""
    known, questions = {}, []
    original = socket.getaddrinfo

    def getaddrinfo(host, port, *rest, **options):
        questions.append(host)
        if host not in known:
            return original(host, port, *rest, **options)
        kind = socket.AF_INET
        return [(kind, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known, questions


def fetched(url, target, limits=None):
    asyncio.run(fetch(url, "input", target, limits or Limits(fetch_seconds=10)))
    return target.read_bytes()


def refusal(url, target, limits=None):
    with pytest.raises(ApiError) as error:
        fetched(url, target, limits)
    assert error.value.param == "input"
    return error.value


def as_if_public(monkeypatch, *addresses):
    monkeypatch.setattr(
        address_fetch, "is_public", lambda address: address in addresses or is_public(address)
    )


def test_a_public_address_is_fetched_through_redirects(
    web, names, monkeypatch, tmp_path, clip_file
):
    port, asked = web
    names[0]["files.example"] = ["127.0.0.1"]
    as_if_public(monkeypatch, "127.0.0.1")
    url = f"http://files.example:{port}/to//clip.mp4#part"
    assert fetched(url, tmp_path / "a") == clip_file.read_bytes()
    assert asked == [
        ("/to//clip.mp4", f"files.example:{port}"),
        ("/clip.mp4", f"files.example:{port}"),
    ]
    assert names[1].count("files.example") == 2  # once for each connection, never again


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://files.example/a",
        "gopher://files.example/a",
        "http://",
        "http:///etc/passwd",
        "http://user:pass@files.example/",
        "http://files.example/a b",
        "http://[::1",
        "http://files.example:99999/",
    ],
)
def test_an_address_that_is_no_plain_web_address_is_refused(url, tmp_path):
    assert refusal(url, tmp_path / "a").status_code == 400


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_never_asked(host, web, tmp_path):
    port, asked = web
    error = refusal(f"http://{host}:{port}/clip.mp4", tmp_path / "a")
    assert error.code == "refused_url"
    assert asked == []


def test_a_name_is_refused_if_any_of_its_addresses_is_private(web, names, tmp_path):
    port, asked = web
    names[0]["two.example"] = ["8.8.8.8", "127.0.0.1"]
    error = refusal(f"http://two.example:{port}/clip.mp4", tmp_path / "a")
    assert "not on the public internet" in error.message
    assert asked == []


def test_a_redirect_to_a_private_address_is_refused(web, names, monkeypatch, tmp_path):
    port, _ = web
    names[0]["files.example"] = ["127.0.0.1"]
    as_if_public(monkeypatch, "127.0.0.1")
    for target in (
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ):
        error = refusal(f"http://files.example:{port}/to/{target}", tmp_path / "a")
        assert error.status_code == 400
    loop = f"http://files.example:{port}/to/"
    assert "more than 5 times" in refusal(loop, tmp_path / "a").message


def test_what_is_too_large_or_not_there_is_refused(web, names, monkeypatch, tmp_path):
    port, _ = web
    names[0]["files.example"] = ["127.0.0.1"]
    as_if_public(monkeypatch, "127.0.0.1")
    base = f"http://files.example:{port}"
    assert refusal(f"{base}/clip.mp4", tmp_path / "a", Limits(upload_bytes=100)).status_code == 413
    assert "status 404" in refusal(f"{base}/none", tmp_path / "a").message
    assert refusal("http://127.0.0.1.nip.invalid/", tmp_path / "a").status_code == 400
