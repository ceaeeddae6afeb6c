import re
from dataclasses import asdict
from pathlib import Path

import pytest

from videollama.errors import InputError
from videollama.serve.limits import Limits

PAGE = Path(__file__).parents[2] / "docs" / "serve.md"


def test_the_page_of_the_server_tells_every_limit_with_its_default():
    text = PAGE.read_text(encoding="utf-8").split("## Limits")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", text, flags=re.MULTILINE)
    assert {name: float(value) for name, value in rows} == asdict(Limits())


@pytest.mark.parametrize("wrong", [{"new_tokens": 0}, {"waiting_requests": -1}])
def test_a_limit_that_lets_nothing_through_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Limits(**wrong)
    assert Limits(waiting_requests=0).waiting_requests == 0
