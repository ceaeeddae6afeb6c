import asyncio
import json
import time
import urllib.request
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.serve.conftest import MODEL, user, wait_until
from videollama.serve.waiting import to_the_end


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


def test_a_request_out_of_time_waits_for_what_its_thread_is_writing():
    told, written = [], []

    def write():
        time.sleep(0.2)
        written.append("all")

    async def give_up_early():
        async with asyncio.timeout(0.05):
            await to_the_end(asyncio.to_thread(write), lambda: told.append("given up"))

    with pytest.raises(TimeoutError):
        asyncio.run(give_up_early())
    assert (told, written) == (["given up"], ["all"])
