"""The names that videos, pictures and sounds usually end in."""

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts",
    ".flv", ".wmv", ".3gp", ".ogv",
)  # fmt: skip
PICTURE_SUFFIXES = (".gif", ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
SOUND_SUFFIXES = (".wav", ".mp3", ".ogg", ".opus", ".flac", ".m4a", ".aac", ".wma", ".aiff")
MEDIA_SUFFIXES = VIDEO_SUFFIXES + PICTURE_SUFFIXES + SOUND_SUFFIXES
