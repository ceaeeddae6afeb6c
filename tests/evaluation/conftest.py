"""Small folders laid out like Flickr8k and ESC-50, and an answerer that knows what it is shown."""

import json
import shutil
import wave

import numpy as np
import pytest
from PIL import Image

from tests.synthetic import write_clip

SCENES = {
    "dog": ((200, 0, 0), "A dog runs over the grass ."),
    "car": ((0, 200, 0), "A red car stands there ."),
    "boat": ((0, 0, 200), "A boat lies at anchor ."),
}


class Scripted:
    """Answers with what a function makes of clip and question, and remembers the batches.

    Of options it chooses the place that `choice` makes of clip and question.
    """

    def __init__(self, function, choice=lambda clip, question: 0):
        self.function = function
        self.choice = choice
        self.batches = []

    def fingerprint(self):
        return "scripted"

    def answer(self, clips, questions, max_new_tokens):
        self.batches.append(list(questions))
        return [self.function(*pair) for pair in zip(clips, questions, strict=True)]

    def choose(self, clips, questions, options):
        self.batches.append(list(questions))
        assert len(options) == len(questions)
        return [self.choice(*pair) for pair in zip(clips, questions, strict=True)]


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_videos(folder, *names):
    """Half a second of video each; only the first is encoded."""
    folder.mkdir(parents=True, exist_ok=True)
    first = write_clip(folder / names[0], seconds=0.5, frames_per_second=4, size=(32, 48))
    for name in names[1:]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(first, folder / name)


def scene_of(frame):
    """The scene whose colour a frame has."""
    return list(SCENES)[int(frame.float().mean(dim=(0, 1)).argmax())]


@pytest.fixture
def photo_folder(tmp_path):
    """12 plain-coloured photos of three scenes, split "val", and one of split "train"."""
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(13):
        name = list(SCENES)[number % 3]
        colour, caption = SCENES[name]
        file = f"{name}{number}.png"
        Image.new("RGB", (32, 24), colour).save(folder / "images" / file)
        split = "train" if number == 12 else "val"
        rows.append({"image": file, "split": split, "captions": [caption, caption]})
    (folder / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def sound_folder(tmp_path):
    """Four one-second tones in fold 4, and one in fold 1."""
    folder = tmp_path / "sounds"
    (folder / "audio").mkdir(parents=True)
    lines = ["file,fold,class_id,label"]
    for number, label in enumerate(["dog", "rain", '"door, wood creaks"', "train", "cow"]):
        file = f"{number}.wav"
        tone = np.sin(np.arange(16_000) * (0.05 + 0.05 * number)) * 10_000
        with wave.open(str(folder / "audio" / file), "wb") as stream:
            stream.setparams((1, 2, 16_000, 0, "NONE", ""))
            stream.writeframes(tone.astype(np.int16).tobytes())
        lines.append(f"{file},{1 if label == 'cow' else 4},{number},{label}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder
