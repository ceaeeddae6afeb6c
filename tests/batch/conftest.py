import pytest

from tests.batch.in_this_process import use_this_process
from tests.synthetic import write_picture, write_sound


@pytest.fixture
def in_this_process(monkeypatch, assistant):
    return use_this_process(monkeypatch, assistant)


@pytest.fixture
def folder(tmp_path):
    """Six files, of which one is broken, and one that is no medium."""
    media = tmp_path / "media"
    (media / "deeper").mkdir(parents=True)
    for number in range(4):
        write_picture(media / f"{number}.png", size=(32, 32 + 2 * number))
    (media / "4.mp4").write_text("this is text")
    write_sound(media / "deeper" / "5.wav", seconds=0.5)
    (media / "notes.md").write_text("not a medium")
    return media
