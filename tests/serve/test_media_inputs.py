import asyncio
import time

import pytest

from videollama.serve.media_inputs import _to_the_end


def test_a_request_out_of_time_waits_for_what_it_is_writing():
    written = []

    def write():
        time.sleep(0.2)
        written.append("all")

    async def give_up_early():
        async with asyncio.timeout(0.05):
            await _to_the_end(write)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up_early())
    assert written == ["all"]
