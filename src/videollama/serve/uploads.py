"""Files that clients upload once and name in many requests.

    folder/OWNER/file-….json     what `/v1/files` tells about it; appears last
    folder/OWNER/file-….media    its bytes

Files outlive the server and are removed when they expire. An owner is one API key, by its
fingerprint.
"""

import re
import secrets
import shutil
import time
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from videollama.checkpoints.atomic_output import new_file
from videollama.serve.answer_schemas import StoredFile
from videollama.serve.api_errors import ApiError
from videollama.serve.limits import Limits

_ID = re.compile(r"file-[0-9a-f]{24}")
_LONGEST_NAME = 200
_ABANDONED_SECONDS = 3600.0


class Uploads:
    """The store.

    Args:
        folder: Where the files are kept; made when the first one comes.
        limits: Bytes per owner, and hours.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits

    def add(self, source: BinaryIO, name: str, purpose: str, owner: str) -> StoredFile:
        """Keeps a file.

        Args:
            source: Its bytes, from the current position on.
            name: As the client calls it.
            purpose: As the client says; kept, not used.
            owner: Whose it is.

        Raises:
            ApiError: 400 for an empty file, 413 when the owner's files would be too many bytes.
            OutputError: The disk is full or may not be written.
        """
        self.remove_expired()
        stored = sum(each.bytes for each in self.list(owner))
        file_id = f"file-{secrets.token_hex(12)}"
        content = self._path(owner, file_id, "media")
        with new_file(content) as draft:
            with draft.open("wb") as target:
                shutil.copyfileobj(source, target, 2**20)
            size = draft.stat().st_size
            if size == 0:
                raise ApiError(400, "The file is empty.", param="file")
            if size > self._limits.upload_bytes or stored + size > self._limits.stored_bytes:
                raise ApiError(
                    413,
                    f"The file has {size} bytes beside {stored} stored ones; at most "
                    f"{self._limits.upload_bytes} a file and {self._limits.stored_bytes} together "
                    "are kept: delete some, or send a smaller one.",
                    param="file",
                )
        now = int(time.time())
        facts = StoredFile(
            id=file_id,
            bytes=size,
            created_at=now,
            expires_at=now + int(self._limits.stored_hours * 3600),
            filename=name[:_LONGEST_NAME],
            purpose=purpose[:_LONGEST_NAME],
        )
        with new_file(self._path(owner, file_id, "json")) as draft:
            draft.write_text(facts.model_dump_json(), encoding="utf-8", errors="replace")
        return facts

    def list(self, owner: str) -> list[StoredFile]:
        """The owner's files, newest first."""
        found = [_facts(path) for path in (self._folder / owner).glob("file-*.json")]
        now = time.time()
        kept = [each for each in found if each is not None and each.expires_at > now]
        return sorted(kept, key=lambda each: (-each.created_at, each.id))

    def get(self, file_id: str, owner: str, where: str | None = None) -> StoredFile:
        """What is known about a file.

        Raises:
            ApiError: 404, there is no such file of this owner.
        """
        facts = None
        if _ID.fullmatch(file_id):
            facts = _facts(self._path(owner, file_id, "json"))
        if facts is None or facts.expires_at <= time.time():
            raise ApiError(
                404,
                f"{where or 'file_id'}: there is no such file; upload it to /v1/files.",
                param=where or "file_id",
                code="file_not_found",
            )
        return facts

    def content(self, file_id: str, owner: str, where: str | None = None) -> Path:
        """Where its bytes are.

        Raises:
            ApiError: As for `get`.
        """
        return self._path(owner, self.get(file_id, owner, where).id, "media")

    def remove(self, file_id: str, owner: str) -> None:
        """Forgets a file.

        Raises:
            ApiError: As for `get`.
        """
        self.get(file_id, owner)
        self._path(owner, file_id, "json").unlink(missing_ok=True)
        self._path(owner, file_id, "media").unlink(missing_ok=True)

    def remove_expired(self) -> None:
        """Frees the space of files whose time is over, and of uploads that a crash cut off."""
        now = time.time()
        for path in self._folder.glob("*/file-*.json"):
            facts = _facts(path)
            if facts is None or facts.expires_at <= now:
                path.unlink(missing_ok=True)
        for pattern in ("*/file-*.media", "*/.file-*"):
            for path in self._folder.glob(pattern):
                if path.with_suffix(".json").exists():
                    continue
                try:
                    age = now - path.stat().st_mtime
                except FileNotFoundError:
                    continue
                if age > _ABANDONED_SECONDS:
                    path.unlink(missing_ok=True)

    def _path(self, owner: str, file_id: str, suffix: str) -> Path:
        return self._folder / owner / f"{file_id}.{suffix}"


def _facts(path: Path) -> StoredFile | None:
    try:
        return StoredFile.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
