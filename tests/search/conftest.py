import pytest

from tests.synthetic import write_clip, write_picture, write_sound
from videollama.inference.answer import Answer, Captioned
from videollama.inference.engine import VideoLlama
from videollama.inference.segments import HEARING_QUESTION
from videollama.search.media_library import MediaLibrary

SAYINGS = {
    "dog": "Two dogs are running on a beach.",
    "child": "A child is eating a cake.",
    "rain": "A street at night.",
}


class Telling(VideoLlama):
    """The tiny model, whose descriptions follow from the names of the files."""

    def caption(self, clips, *, question, **_):
        for clip in clips:
            text = next((says for name, says in SAYINGS.items() if name in clip.path.name), "Fog.")
            if question == HEARING_QUESTION:
                text = "I hear rain falling."
            yield Captioned(str(clip.path), Answer(text, confidence=0.5))


@pytest.fixture(scope="session")
def telling(tiny_model, tiny_processor):
    return Telling(tiny_model, tiny_processor)


@pytest.fixture
def folder(tmp_path):
    """A clip with a tone, a picture and a sound."""
    folder = tmp_path / "media"
    (folder / "inside").mkdir(parents=True)
    write_clip(folder / "dog.mp4", size=(32, 48))
    write_picture(folder / "inside" / "child.png")
    write_sound(folder / "rain.wav")
    return folder


@pytest.fixture
def library(telling, tmp_path):
    return MediaLibrary(telling, tmp_path / "library")
