"""AudioCaps: tables of audiocap_id, youtube_id, start_time and caption.

The sounds come from elsewhere and have no common name. Those of the usual downloaders are known,
with any suffix: YOUTUBE-ID_START, YYOUTUBE-ID, YOUTUBE-ID or AUDIOCAP-ID, in the media folder, or
in one below it that is named after the split or "audio".
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from videollama.media.suffixes import MEDIA_SUFFIXES
from videollama.training.datasets.record import Medium, Place, Sample, Turn, sample, text_of

FIELDS = ("audiocap_id", "youtube_id", "start_time", "caption")


def read_sample(entry: Mapping[str, Any], place: Place) -> Sample:
    """One sound and its caption; the file begins where the sound does.

    Raises:
        DataError: A cell is empty.
    """
    youtube_id = text_of(entry, "youtube_id")
    names = (
        f"{youtube_id}_{text_of(entry, 'start_time')}",
        f"Y{youtube_id}",
        youtube_id,
        text_of(entry, "audiocap_id"),
    )
    files = _files_by_stem(place.media, place.split)
    path = next((files[name] for name in names if name in files), None)
    sound = Medium("audio", path or place.media / f"{names[0]}.wav")
    return sample(place, [sound], [Turn("", text_of(entry, "caption"))])


@lru_cache(maxsize=4)
def _files_by_stem(media: Path, split: str) -> dict[str, Path]:
    folders = (media, media / "audio", media / "audio" / split, media / split)
    return {
        file.stem: file
        for folder in folders
        if folder.is_dir()
        for file in folder.iterdir()
        if file.suffix.lower() in MEDIA_SUFFIXES
    }
