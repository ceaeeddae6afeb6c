"""The names that videos, pictures and sounds usually end in."""

from pathlib import Path

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts",
    ".flv", ".wmv", ".3gp", ".ogv",
)  # fmt: skip
PICTURE_SUFFIXES = (".gif", ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
SOUND_SUFFIXES = (".wav", ".mp3", ".ogg", ".opus", ".flac", ".m4a", ".aac", ".wma", ".aiff")
MEDIA_SUFFIXES = VIDEO_SUFFIXES + PICTURE_SUFFIXES + SOUND_SUFFIXES


def media_files(folder: Path) -> list[Path]:
    """The videos, pictures and sounds in a folder and those inside it, told by their names."""
    found = (file for file in folder.rglob("*") if file.suffix.lower() in MEDIA_SUFFIXES)
    return sorted(file for file in found if file.is_file())
