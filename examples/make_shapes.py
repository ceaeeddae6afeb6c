"""Renders a small data set to fine-tune on: coloured shapes that move, and a table of questions.

    python examples/make_shapes.py shapes/

SHAPES/questions.csv     file,question,answer,split
SHAPES/clips/000.mp4     two seconds, no sound
"""

import csv
import random
import sys
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 80, 230),
    "yellow": (240, 210, 50),
}
SHAPES = ("square", "circle", "triangle")
SPLITS = {"train": 80, "val": 10, "test": 30}
FRAMES, FRAMES_PER_SECOND, SIDE = 16, 8, 160


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "shapes")
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    generator = random.Random(0)
    rows = []
    for number, split in enumerate(split for split, count in SPLITS.items() for _ in range(count)):
        name = f"clips/{number:03}.mp4"
        shape, colour = generator.choice(SHAPES), generator.choice(list(COLOURS))
        render(folder / name, shape, COLOURS[colour], generator)
        rows.append((name, "Which shape moves?", f"A {shape}.", split))
        rows.append((name, "Which colour does it have?", f"{colour.capitalize()}.", split))
    with (folder / "questions.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("file", "question", "answer", "split"))
        table.writerows(rows)
    print(f"{folder}: {len(rows)} questions about {len(rows) // 2} clips")


def render(path: Path, shape: str, colour: tuple[int, int, int], generator: random.Random) -> None:
    """Writes one clip: the shape moves in a straight line over a grey ground."""
    ground = (generator.randint(90, 200),) * 3
    radius = generator.randint(18, 40)
    start, end = ([generator.randint(radius, SIDE - radius) for _ in range(2)] for _ in range(2))
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        video.width, video.height, video.pix_fmt = SIDE, SIDE, "yuv420p"
        for number in range(FRAMES):
            share = number / (FRAMES - 1)
            x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            picture = Image.new("RGB", (SIDE, SIDE), ground)
            draw(ImageDraw.Draw(picture), shape, x, y, radius, colour)
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode())


def draw(
    canvas: ImageDraw.ImageDraw, shape: str, x: float, y: float, radius: int, colour: tuple
) -> None:
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "square":
        canvas.rectangle(box, fill=colour)
    elif shape == "circle":
        canvas.ellipse(box, fill=colour)
    else:
        corners = ((x, y - radius), (x - radius, y + radius), (x + radius, y + radius))
        canvas.polygon(corners, fill=colour)


if __name__ == "__main__":
    main()
