"""Render a six second clip with sound from one photograph, for `make demo`.

    python examples/make_demo_clip.py demo/clip.mp4 [--photo camera|chelsea|astronaut]

The camera drifts over a photograph out of the wheel of scikit-image; bells ring. The wheel is
fetched from the package index with pip, only the photograph is kept, and nothing of it is installed
or run. Rights: docs/decisions/0009.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import av
import numpy as np
from PIL import Image

WHEEL = "scikit-image==0.26.0"
PHOTOS = {  # sha256 of the file inside the wheel
    "astronaut": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "chelsea": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "camera": "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
}
SECONDS = 6
FRAMES_PER_SECOND = 12
SAMPLE_RATE = 44_100
SIZE = (320, 240)
ZOOM = 1.25  # the picture is this much larger than the view, so that the view can drift


def fetch_photo(name: str, folder: Path) -> Path:
    """The photograph `name`, out of the wheel the first time and from `folder` afterwards."""
    kept = folder / f"{name}.png"
    if kept.exists() and _sha256(kept.read_bytes()) == PHOTOS[name]:
        return kept
    with tempfile.TemporaryDirectory() as downloads:
        command = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "--quiet",
        ]
        command += ["--no-deps", "--only-binary=:all:", "--dest", downloads, WHEEL]
        subprocess.run(command, check=True)
        wheel = next(Path(downloads).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(f"skimage/data/{name}.png")
    if _sha256(data) != PHOTOS[name]:
        raise SystemExit(f"{WHEEL} holds another picture {name}.png than this script knows.")
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(data)
    return kept


def drift(photo: Path) -> list[np.ndarray]:
    """The frames: a view that moves over the photograph, uint8 `(240, 320, 3)` each."""
    picture = Image.open(photo).convert("RGB")
    width, height = SIZE
    scale = ZOOM * max(width / picture.width, height / picture.height)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    room_x, room_y = picture.width - width, picture.height - height
    frames = []
    count = SECONDS * FRAMES_PER_SECOND
    for index in range(count):
        share = index / (count - 1)
        left, top = round(room_x * share), round(room_y * (0.1 + 0.3 * share))
        frames.append(np.asarray(picture.crop((left, top, left + width, top + height))))
    return frames


def bells() -> np.ndarray:
    """Two church bells in turn, float32 `(samples,)` in [-1, 1]: partials that die away."""
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    sound = np.zeros_like(time)
    ratios = (0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 2.67, 3.0, 4.2, 5.4)  # to the bell's pitch
    loudnesses = (0.6, 1.0, 0.8, 0.5, 0.9, 0.35, 0.3, 0.3, 0.25, 0.2)
    decays = (0.4, 0.7, 0.9, 1.2, 1.1, 1.8, 2.0, 2.4, 3.5, 5.0)  # per second
    for stroke, start in enumerate(np.arange(0.05, SECONDS, 0.9)):
        since = time - start
        pitch = 520.0 if stroke % 2 == 0 else 440.0
        for ratio, loudness, decay in zip(ratios, loudnesses, decays, strict=True):
            ring = loudness * np.exp(-decay * since) * np.sin(2 * np.pi * pitch * ratio * since)
            sound += np.where(since >= 0, ring, 0.0)
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


def write_clip(target: Path, frames: list[np.ndarray], sound: np.ndarray) -> None:
    """Encodes the frames as H.264 and the sound as AAC."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    with av.open(str(draft), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for picture in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        for first in range(0, len(sound), 1024):
            chunk = av.AudioFrame.from_ndarray(sound[None, first : first + 1024], "fltp", "mono")
            chunk.sample_rate, chunk.pts = SAMPLE_RATE, first
            container.mux(audio.encode(chunk))
        container.mux(audio.encode())
    draft.replace(target)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--photo", choices=PHOTOS, default="camera")
    arguments = parser.parse_args()
    photo = fetch_photo(arguments.photo, arguments.target.parent)
    write_clip(arguments.target, drift(photo), bells())
    print(f"{arguments.target}: {SECONDS} s, a photograph and bells")


if __name__ == "__main__":
    main()
