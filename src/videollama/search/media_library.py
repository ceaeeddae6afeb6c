"""The one class of this layer: a library of media that can be searched."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from videollama.errors import InputError
from videollama.inference.messages import Medium, read_media
from videollama.media.frame_sampling import FrameSampling
from videollama.search.indexing import (
    IndexReport,
    Progress,
    encoded_tokens,
    index_folder,
    vector_of,
)
from videollama.search.joint_vectors import joint_vectors_of
from videollama.search.model_note import note_of
from videollama.search.query import Hit, WantedVectors, find, require_query
from videollama.search.segment_store import SegmentStore

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama


class MediaLibrary:
    """Videos, pictures and sounds that can be searched by what is seen and heard in them.

        library = MediaLibrary(VideoLlama.load(), "library")
        library.index("videos/")
        for hit in library.search("a dog on a beach"):
            print(hit.files[0], hit.start_seconds, hit.caption)

    Args:
        assistant: A loaded model; a library takes no other one afterwards.
        folder: Where the library's database is, or is made by the first `index`.

    Raises:
        CheckpointError: The model is a released one, and ImageBind's file is damaged.
        DownloadError: The model is a released one, and CLIP's tokenizer is not on this machine.
    """

    def __init__(self, assistant: "VideoLlama", folder: str | Path) -> None:
        self.assistant, self.folder = assistant, Path(folder)
        self._joint = joint_vectors_of(assistant)
        width = None if self._joint is None else self._joint.width
        self._note = note_of(assistant.model, width)
        self._store: SegmentStore | None = None

    def index(
        self,
        folder: str | Path,
        *,
        num_frames: int = 8,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> IndexReport:
        """Makes the library hold what a folder holds; only new contents are looked at.

        It may be stopped at any moment; the next run goes on.

        Args:
            folder: Searched with the folders inside it.
            num_frames: Frames to look at in each segment.
            on_progress: Told of every file when it begins, and of its segments.

        Raises:
            InputError: There is no such folder, or another process is writing.
            OutputError: The library cannot be written.
        """
        if num_frames < 1:
            raise InputError(f"num_frames is {num_frames}, but must be 1 or more.")
        self._store = SegmentStore.create(self.folder, self._note)
        return index_folder(
            self.assistant,
            self._store,
            Path(folder),
            joint=self._joint,
            num_frames=num_frames,
            on_progress=on_progress,
        )

    def search(
        self, query: str | None = None, *, like: Medium | None = None, limit: int = 10
    ) -> list[Hit]:
        """The segments that fit a sentence, resemble a clip, or both; best first.

        Args:
            query: What shall be seen or heard.
            like: A video, picture or sound that hits shall resemble.
            limit: How many at most.

        Raises:
            InputError: There is no library, or nothing to search for.
            LanguageError: The query is in a language that the model does not know.
            MediaError: `like` cannot be used.
        """
        if limit < 1:
            raise InputError(f"limit is {limit}, but must be 1 or more.")
        query = require_query(query, has_clip=like is not None)
        self.assistant.processor.require_known_language(query or "")
        if self._store is None:
            self._store = SegmentStore(self.folder)
            self._store.require_model(self._note)
        self._store.refresh()
        wanted = [] if like is None else [self._vectors(like)]
        if self._joint is not None and query is not None:
            words = self._joint.of_text(query)
            wanted.append(WantedVectors(words, words))
        return find(self.assistant, self._store, query, wanted, limit=limit)

    def _vectors(self, medium: Medium) -> WantedVectors:
        side = self.assistant.model.config.vision_config.image_size
        [clip] = read_media(medium, FrameSampling(), side)
        if self._joint is None:
            video, audio = encoded_tokens(self.assistant, clip, None)
            near = WantedVectors(vector_of(video), vector_of(audio))
        else:
            heard = clip if clip.audio_status == "present" else None
            near = WantedVectors(
                *self._joint.of_segment(None if clip.frames is None else clip, heard)
            )
        if near.picture is None and near.sound is None:
            raise InputError(f"{clip.path} holds nothing that this model sees or hears.")
        return near
