"""Content parts to clips: data: URLs, uploads and addresses become files, files become clips."""

import base64
import binascii
import re
from asyncio import to_thread
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from videollama.errors import InputError
from videollama.inference.named_parts import NamedPart
from videollama.media.clip import Clip
from videollama.media.frame_sampling import FrameSampling
from videollama.serve.address_fetch import fetch
from videollama.serve.api_errors import ApiError
from videollama.serve.decoding import DecodePool
from videollama.serve.limits import Limits
from videollama.serve.request_schemas import (
    AudioPart,
    FilePart,
    ImagePart,
    MediaPart,
    Moments,
    VideoPart,
)
from videollama.serve.uploads import Uploads
from videollama.serve.waiting import to_the_end

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*?)*?(;base64)?,", re.IGNORECASE)
_LONGEST_DATA_HEADER = 200
_MEDIA_TYPES = ("video/", "image/", "audio/")


@dataclass(frozen=True)
class MediaInput:
    """One medium of a request.

    Attributes:
        where: Its place in the request, for example "messages[0].content[1]".
        part: What the client sent.
    """

    where: str
    part: MediaPart

    def kind(self, clip: Clip) -> str:
        """What the prompt calls it; of a sound part, only the sound is used."""
        return "audio" if isinstance(self.part, AudioPart) else clip.kind


class MediaReader:
    """Opens what requests bring.

    Args:
        pool: Decodes files.
        uploads: Where `/v1/files` keeps them.
        limits: Of the server.
        allow_addresses: Whether http(s) addresses are fetched.
    """

    def __init__(
        self, pool: DecodePool, uploads: Uploads, limits: Limits, *, allow_addresses: bool = False
    ) -> None:
        self._pool, self._uploads, self._limits = pool, uploads, limits
        self._allow_addresses = allow_addresses

    async def read(
        self,
        inputs: list[MediaInput],
        owner: str,
        frame_size: tuple[int, int],
        named_part: NamedPart | None = None,
    ) -> list[Clip]:
        """Every medium as a clip, in their order.

        Args:
            inputs: The media of one request.
            owner: Whose uploads may be used.
            frame_size: Height and width that the model sees.
            named_part: What is looked at of videos and sounds for which the request names no
                moments itself.

        Raises:
            ApiError: Which one cannot be used, and why.
        """
        if len(inputs) > self._limits.media_parts:
            where = inputs[self._limits.media_parts].where
            raise ApiError(
                400,
                f"{where}: the request has {len(inputs)} media, and at most "
                f"{self._limits.media_parts} are taken; send fewer.",
                param=where,
            )
        wishes = [self._sampling(each) for each in inputs]
        clips = []
        for each, sampling in zip(inputs, wishes, strict=True):
            may_be_cut = sampling.is_whole and not isinstance(each.part, ImagePart)
            if named_part is None or not may_be_cut:
                clips.append(await self._read_one(each, sampling, owner, frame_size))
                continue
            try:
                part = replace(sampling, **named_part._asdict())
                clips.append(await self._read_one(each, part, owner, frame_size))
            except (ApiError, InputError) as error:
                raise _no_such_part(error, each.where) from error
        return clips

    async def _read_one(
        self, each: MediaInput, sampling: FrameSampling, owner: str, frame_size: tuple[int, int]
    ) -> Clip:
        async with self.file_of(each, owner) as file:
            clip = await self._pool.read(file, each.where, sampling, frame_size)
        _check_kind(each, clip)
        return clip

    @asynccontextmanager
    async def file_of(self, each: MediaInput, owner: str) -> AsyncGenerator[Path]:
        """The file of a medium, as long as the block lasts.

        Raises:
            ApiError: There is none, or it may not be used.
        """
        if isinstance(each.part, FilePart):
            yield self._uploads.content(each.part.file.file_id, owner, each.where)
            return
        with TemporaryDirectory(prefix="videollama-") as folder:
            file = Path(folder) / "media"
            await self._write(each, file)
            yield file

    def name_of(self, each: MediaInput, owner: str) -> str:
        """What people call a medium: an upload by its name, everything else by its place.

        Raises:
            ApiError: There is no such upload.
        """
        if not isinstance(each.part, FilePart):
            return each.where
        stored = self._uploads.get(each.part.file.file_id, owner, each.where)
        return Path(stored.filename).name or each.where

    async def _write(self, each: MediaInput, file: Path) -> None:
        part = each.part
        if isinstance(part, AudioPart):
            await to_the_end(to_thread(_write_base64, part.input_audio.data, file, each.where))
            return
        assert isinstance(part, ImagePart | VideoPart)
        url = part.image_url.url if isinstance(part, ImagePart) else part.video_url.url
        if url[:5].lower() == "data:":
            start = _data_start(url, each.where)
            await to_the_end(to_thread(_write_base64, url[start:], file, each.where))
        elif self._allow_addresses:
            await fetch(url, each.where, file, self._limits)
        else:
            raise _no_addresses(url, each.where)

    def _sampling(self, each: MediaInput) -> FrameSampling:
        part = each.part
        moments = Moments()
        if isinstance(part, VideoPart | FilePart):
            moments = part.video_url if isinstance(part, VideoPart) else part.file
        wanted = moments.num_frames or FrameSampling.num_frames
        most = self._limits.media_frames
        if wanted > most:
            raise ApiError(
                400,
                f"{each.where}: {wanted} frames were asked for, and at most {most} are looked at.",
                param=each.where,
            )
        start, end = moments.start_seconds, moments.end_seconds
        rate = moments.frames_per_second
        if rate is not None:
            seconds = self._limits.media_seconds if end is None else end - (start or 0.0)
            if rate * seconds > most:
                raise ApiError(
                    400,
                    f"{each.where}: {rate:g} frames per second can be more than the {most} frames "
                    "that are looked at; give an earlier end_seconds, or num_frames.",
                    param=each.where,
                )
        try:
            return FrameSampling(wanted, rate, start, end, moments.sampling)
        except InputError as error:
            raise ApiError(400, f"{each.where}: {error}", param=each.where) from error


def _no_such_part(error: ApiError | InputError, where: str) -> ApiError:
    """The same error, where a question names a part that makes no sense or is not in the file."""
    if isinstance(error, ApiError) and error.status_code != 400:
        return error
    reason = error.message if isinstance(error, ApiError) else f"{where}: {error}"
    return ApiError(
        400,
        f"{reason} The question names this part; give start_seconds 0 with the file to look at "
        "everything.",
        param=where,
    )


def _check_kind(each: MediaInput, clip: Clip) -> None:
    if isinstance(each.part, AudioPart) and clip.waveform is None:
        raise ApiError(422, f"{each.where}: there is no sound in it.", param=each.where)
    if isinstance(each.part, ImagePart) and clip.frames is None:
        raise ApiError(422, f"{each.where}: there is no picture in it.", param=each.where)


def _data_start(url: str, where: str) -> int:
    """Where the base64 of a data: URL begins."""
    header = _DATA_URL.match(url, 0, _LONGEST_DATA_HEADER)
    if header is None or header[2] is None:
        raise ApiError(
            400,
            f"{where}: the data: URL must look like data:video/mp4;base64,… .",
            param=where,
        )
    kind = header[1].lower()
    if not kind.startswith(_MEDIA_TYPES) and kind != "application/octet-stream":
        raise ApiError(
            415,
            f"{where}: {kind or 'text/plain'} is not a type of video, image or sound.",
            param=where,
        )
    return header.end()


def _write_base64(text: str, file: Path, where: str) -> None:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, f"{where}: the base64 is not valid.", param=where) from error
    file.write_bytes(content)


def _no_addresses(url: str, where: str) -> ApiError:
    """Says what to do instead, without repeating what may be a secret of the client."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    reason = "only data: URLs and uploads are read, never files of the server"
    if scheme in ("http", "https"):
        reason = "this server fetches no addresses (it was started without --allow-urls)"
    return ApiError(
        400,
        f"{where}: {reason}; send a data: URL, or upload the file to /v1/files.",
        param=where,
        code="refused_url",
    )
