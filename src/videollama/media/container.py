"""Opens local media files for PyAV, and nothing but local files.

FFmpeg never sees a file name or an address: it reads from a Python file object, may open nothing
else, and may only use the demuxers named here. Playlists (HLS, DASH, concat, SDP …) can therefore
not lead it to other files or to the network.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, cast

from videollama.errors import MediaError
from videollama.media.tar_members import open_bytes, state_of

if TYPE_CHECKING:
    from av.container import InputContainer

_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,asf,asf_o,mpegts,mpeg,mpegvideo,ogg,wav,w64,aiff,"
    "au,caf,flac,mp3,aac,ac3,eac3,dts,truehd,ape,wv,tta,amr,amrnb,amrwb,gif,h264,hevc,h261,h263,m4v,vc1,obu,av1,ivf,mxf,dv,"
    "nut,rm,swf,wtv,yuv4mpegpipe,mjpeg,mjpeg_2000,mpc,mpc8,gsm,voc,oma,dsf,iff,bink,smk,roq,ea,ivr,evc,vvc"
)
_ADDRESS = re.compile(
    r"^([A-Za-z][A-Za-z0-9+.\-]*)://|^(data|concat|pipe|cache|crypto|async|subfile):"
)
LARGEST_FRAME_PIXELS = 2**26  # 67 million, two times 8K


def local_file(path: str | Path) -> Path:
    """Makes sure that there is something to read.

    Args:
        path: What the user gave.

    Returns:
        The path of a regular file with at least one byte, or of such a member of a tar file.

    Raises:
        MediaError: An address, nothing there, a directory, a device, no permission, or zero bytes.
    """
    file = Path(path)
    try:
        status = file.stat()
    except NotADirectoryError as error:
        try:
            if state_of(file).size:
                return file
        except OSError:
            raise MediaError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
        raise MediaError(
            f"{path} is empty (zero bytes); it may not have been packed whole."
        ) from None
    except FileNotFoundError:
        if _ADDRESS.match(str(path)):
            raise MediaError(
                f"{path} is an address; only local files are read: download it first."
            ) from None
        raise MediaError(f"{path} does not exist; check the name.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{str(path)!r} cannot be read: {reason}.") from error
    if S_ISDIR(status.st_mode):
        raise MediaError(f"{path} is a directory; name a file in it.")
    if not S_ISREG(status.st_mode):
        raise MediaError(f"{path} is not a regular file; only files are read.")
    if status.st_size == 0:
        raise MediaError(f"{path} is empty (zero bytes); it may not have been fully copied.")
    return file


@contextmanager
def opened(file: Path) -> Iterator["InputContainer"]:
    """Opens a file for decoding, guarded as the module says.

    Args:
        file: A regular file.

    Yields:
        The container with its streams; every decoder refuses frames of absurd size.

    Raises:
        MediaError: Not a media file.
    """
    import av

    try:
        source = open_bytes(file)
    except OSError as error:
        raise MediaError(f"{file} cannot be read: {error.strerror}.") from error
    with source:
        try:
            container = av.open(
                source,
                container_options={"format_whitelist": _DEMUXERS, "protocol_whitelist": "none"},
                metadata_errors="replace",
            )
        except (av.error.FFmpegError, UnicodeError, ValueError) as error:
            raise MediaError(
                f"{file} is not a video, image or sound that can be read; check it in a player."
            ) from error
        with container:
            for stream in (*container.streams.video, *container.streams.audio):
                if stream.codec_context is not None:
                    stream.codec_context.options = {"max_pixels": str(LARGEST_FRAME_PIXELS)}
                    stream.codec_context.thread_type = "AUTO"
                    stream.codec_context.thread_count = 4
            yield cast("InputContainer", container)
