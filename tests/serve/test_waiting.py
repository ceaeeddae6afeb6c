import json
import urllib.request
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.serve.conftest import MODEL, user, wait_until


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_place(real_server, stream):
    """The answer would go on for minutes."""

    def admitted():
        with urllib.request.urlopen(f"{real_server}/metrics") as page:
            lines = page.read().decode().splitlines()
        return next(line for line in lines if line.startswith("videollama_admitted_requests "))

    place = urlsplit(real_server)
    connection = HTTPConnection(place.hostname, place.port)
    body = {"model": MODEL, "messages": user("Talk."), "max_tokens": 1024, "stream": stream}
    headers = {"content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    if stream:
        assert connection.getresponse().read(6) == b"data: "
    wait_until(lambda: admitted().endswith(" 1.0"))
    connection.close()
    wait_until(lambda: admitted().endswith(" 0.0"), seconds=20)
