"""What `from videollama import …` offers, and what it costs."""

import re
import subprocess
import sys
from importlib.metadata import version

import pytest

import videollama


@pytest.mark.parametrize("name", videollama.__all__)
def test_every_public_name_resolves_and_is_documented(name):
    value = getattr(videollama, name)
    assert value.__doc__
    assert name in dir(videollama)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'VideoLlame'"):
        _ = videollama.VideoLlame


def test_the_version_is_the_distributions():
    assert videollama.__version__ == version("videollama")


@pytest.mark.parametrize("statement", ["import videollama", "import videollama.cli.main"])
def test_imports_take_neither_torch_nor_transformers_nor_av(statement):
    code = f"import sys; {statement}; print([m for m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    loaded = set(re.findall(r"'([^']+)'", shown))
    assert "videollama" in loaded
    assert loaded.isdisjoint({"torch", "transformers", "av", "numpy", "pydantic"})
