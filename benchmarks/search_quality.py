"""How well a person's caption finds its clip: `python -m benchmarks.search_quality DATA`."""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.report import write_result
from videollama import VideoLlama
from videollama.evaluation.tasks import seed_of, still_of
from videollama.media.captioned_photos import read_photos
from videollama.media.composition import SAMPLES_PER_SECOND, mix_sound, pan_zoom
from videollama.media.decode import read_clip
from videollama.media.labelled_sounds import read_sounds
from videollama.media.video_writer import write_video
from videollama.prompts import encode_plain_text
from videollama.search.media_library import MediaLibrary
from videollama.search.segment_store import SegmentStore

FRAMES, FRAMES_PER_SECOND, SIZE = 8, 2, (260, 260)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder with flickr8k and esc50")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the choice of clips")
    arguments = parser.parse_args()
    assistant = VideoLlama.load(cache_media=False)
    with TemporaryDirectory() as folder:
        media, captions = compose(
            arguments.data, arguments.clips, arguments.seed, Path(folder) / "media"
        )
        library = MediaLibrary(assistant, Path(folder) / "library")
        library.index(media)
        found = orders_of(library, captions)
    recalls = {
        way: {f"recall@{depth}": recall(orders, list(captions), depth) for depth in (1, 5)}
        for way, orders in found.items()
    }
    chance = {f"recall@{depth}": depth / len(captions) for depth in (1, 5)}
    for way, numbers in {"random": chance, **recalls}.items():
        print(way, {name: round(value, 3) for name, value in numbers.items()}, flush=True)
    write_result(
        "search_quality", clips=len(captions), seed=arguments.seed, random=chance, recalls=recalls
    )


def compose(data: Path, count: int, seed: int, folder: Path) -> tuple[Path, dict[str, str]]:
    """Clips of 4 s, each a photo with a moving camera and a sound; a caption by file name."""
    photos = random.Random(seed).sample(read_photos(data / "flickr8k", "val")[0], count)
    sounds = random.Random(seed).sample(read_sounds(data / "esc50", "4")[0], count)
    folder.mkdir()
    captions = {}
    for photo, sound in zip(photos, sounds, strict=True):
        draws = torch.Generator().manual_seed(seed_of(seed, photo.path.name))
        frames = pan_zoom(still_of(photo.path), FRAMES, draws, frame_size=SIZE)
        samples = SAMPLES_PER_SECOND * FRAMES // FRAMES_PER_SECOND
        waveform = mix_sound(read_clip(sound.path).waveform, samples, draws)
        file = folder / f"{photo.path.stem}.mp4"
        write_video(file, frames, FRAMES_PER_SECOND, waveform)
        captions[file.name] = photo.captions[0]
    return folder, captions


def orders_of(library: MediaLibrary, captions: dict[str, str]) -> dict[str, list[list[str]]]:
    """File names in the order found, for every caption and every way of looking."""
    store, count = SegmentStore(library.folder), len(captions)
    names = {record.content: Path(record.path).name for record in store.files().values()}
    rows = store.all_segments(["content", "picture_vector"], count)
    pictures = normalized(np.array([row["picture_vector"] for row in rows]), centred=True)
    found: dict[str, list[list[str]]] = {"search": [], "words": [], "vectors": []}
    for caption in captions.values():
        hits = library.search(caption, limit=count)
        found["search"].append([Path(hit.files[0]).name for hit in hits])
        matches = store.find_words(caption, ["content"], count)
        found["words"].append([names[row["content"]] for row in matches])
        cosines = pictures @ text_vector(library.assistant, caption)
        order = np.argsort(-cosines)
        found["vectors"].append([names[rows[place]["content"]] for place in order])
    return found


def text_vector(assistant: VideoLlama, text: str) -> np.ndarray:
    """The mean of the words' embeddings, centred: what the Q-Formers were trained to point at."""
    embeddings = assistant.model.get_input_embeddings().weight.float()
    ids = torch.tensor(encode_plain_text(text, assistant.processor.tokenizer))
    vector = embeddings[ids].mean(dim=0) - embeddings.mean(dim=0)
    return normalized(vector.numpy()[None])[0]


def normalized(vectors: np.ndarray, *, centred: bool = False) -> np.ndarray:
    """Vectors `(N, D)` of length 1, their mean taken away before where wanted."""
    vectors = vectors - vectors.mean(axis=0) if centred else vectors
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def recall(orders: Sequence[Sequence[str]], wanted: Sequence[str], depth: int) -> float:
    """Share of queries whose clip is among the first."""
    right = [name in order[:depth] for order, name in zip(orders, wanted, strict=True)]
    return sum(right) / len(right)


if __name__ == "__main__":
    main()
