"""Ask questions about videos, by what is seen and what is heard.

    from videollama import VideoLlama

    assistant = VideoLlama.load()
    answer = assistant.ask("clip.mp4", "What happens, and what do you hear?")
    print(answer.text)

Names are imported when they are first used, so `import videollama` itself loads neither torch nor
transformers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from videollama.errors import (
    BusyError,
    CheckpointError,
    DataError,
    DownloadError,
    InputError,
    LanguageError,
    MediaError,
    ModelNotFoundError,
    OutputError,
    RecipeError,
    VideoLlamaError,
)

if TYPE_CHECKING:
    from videollama.configuration import EfficientNetLiteConfig, VideoLlamaConfig
    from videollama.inference.answer import Answer, Captioned, Heard, Seen
    from videollama.inference.chat import Chat
    from videollama.inference.engine import VideoLlama
    from videollama.media.clip import Clip
    from videollama.media.decode import read_clip
    from videollama.media.frame_sampling import FrameSampling
    from videollama.model.videollama import VideoLlamaForConditionalGeneration
    from videollama.processing import VideoLlamaProcessor

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "BusyError",
    "Captioned",
    "Chat",
    "CheckpointError",
    "Clip",
    "DataError",
    "DownloadError",
    "EfficientNetLiteConfig",
    "FrameSampling",
    "Heard",
    "InputError",
    "LanguageError",
    "MediaError",
    "ModelNotFoundError",
    "OutputError",
    "RecipeError",
    "Seen",
    "VideoLlama",
    "VideoLlamaConfig",
    "VideoLlamaError",
    "VideoLlamaForConditionalGeneration",
    "VideoLlamaProcessor",
    "read_clip",
]

_HOME = {
    "Answer": "videollama.inference.answer",
    "Captioned": "videollama.inference.answer",
    "Heard": "videollama.inference.answer",
    "Seen": "videollama.inference.answer",
    "Chat": "videollama.inference.chat",
    "VideoLlama": "videollama.inference.engine",
    "EfficientNetLiteConfig": "videollama.configuration",
    "VideoLlamaConfig": "videollama.configuration",
    "Clip": "videollama.media.clip",
    "read_clip": "videollama.media.decode",
    "FrameSampling": "videollama.media.frame_sampling",
    "VideoLlamaForConditionalGeneration": "videollama.model.videollama",
    "VideoLlamaProcessor": "videollama.processing",
}


def __getattr__(name: str) -> Any:
    """Imports a public name on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'videollama' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
