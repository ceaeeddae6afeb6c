import re

import pytest

from videollama.errors import VideoLlamaError
from videollama.languages.catalogue import wordings
from videollama.web.session import Session, Settings


def sentence_about(backend, file, settings):
    with pytest.raises(VideoLlamaError) as error:
        Session().open(backend, file, settings)
    return str(error.value)


@pytest.mark.parametrize("name", ["text", "empty", "cut"])
def test_what_is_wrong_with_a_file_is_said_in_chinese(backend, bad_files, name):
    sentence = sentence_about(backend, bad_files[name], Settings())
    chinese = wordings()["zh"].sentence(sentence)
    assert str(bad_files[name]) in chinese
    assert "文件" in chinese or "图片" in chinese


@pytest.mark.parametrize(
    "settings",
    [
        Settings(start_seconds=60),
        Settings(start_seconds=1, end_seconds=0.5),
        Settings(start_seconds=-1),
        Settings(num_frames=32, start_seconds=1e9),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_in_chinese(backend, clip_file, settings):
    sentence = sentence_about(backend, clip_file, settings)
    assert re.search("[一-鿿]", wordings()["zh"].sentence(sentence))
