"""Train a classifier of sounds on the built-in model's vectors: ridge regression in NumPy.

    python examples/classify_sounds.py ESC50_FOLDER

The folder is laid out as ESC-50: labels.csv (file, fold, label) and audio/. Folds 1 to 3 are for
training, fold 4 tells how often the classifier is right.
"""

import sys
from pathlib import Path

import numpy as np

from videollama import VideoLlama
from videollama.media.labelled_sounds import read_sounds

RIDGE = 0.1  # the weight of small coefficients beside small errors


def vectors(assistant, folder, folds):
    """The vectors `(n, D)` and the labels `(n,)` of all sounds of some folds."""
    sounds = [sound for fold in folds for sound in read_sounds(folder, fold)[0]]
    embedded = list(assistant.embed([sound.path for sound in sounds]))
    for broken in (each for each in embedded if each.embedding is None):
        print(broken.error, file=sys.stderr)
    used = [
        (each.embedding.audio.numpy(), sound.label)
        for each, sound in zip(embedded, sounds, strict=True)
        if each.embedding is not None
    ]
    return np.stack([vector for vector, _ in used]), np.array([label for _, label in used])


def main():
    folder = Path(sys.argv[1])
    assistant = VideoLlama.load(decoder_layers=False)
    x, labels = vectors(assistant, folder, "123")
    new_x, new_labels = vectors(assistant, folder, "4")

    names = np.unique(labels)
    mean = x.mean(axis=0)
    y = (labels[:, None] == names) - 1 / len(names)
    gram = (x - mean).T @ (x - mean) + RIDGE * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, (x - mean).T @ y)
    answers = names[((new_x - mean) @ weights).argmax(axis=1)]

    share = (answers == new_labels).mean()
    print(f"{share:.1%} of {len(answers)} sounds named rightly, {len(names)} names")


if __name__ == "__main__":
    main()
