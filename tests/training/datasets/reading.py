"""Reads a folder as the command does."""

from videollama.training.datasets.source import open_source


def read(path, media=None):
    """All samples, and what is wrong with the others by where they stand."""
    broken = {}
    return list(open_source(path, media).samples(broken.__setitem__)), broken
