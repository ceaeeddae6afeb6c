"""`/v1/files`: upload once, name in many requests."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Form, Request, UploadFile
from starlette.responses import FileResponse

from videollama.serve.answer_schemas import Deletion, StoredFile, StoredFileList, error_responses
from videollama.serve.uploads import Uploads


def file_routes(uploads: Uploads) -> APIRouter:
    """The routes of uploads.

    Args:
        uploads: Where they are kept.
    """
    router = APIRouter(prefix="/v1/files")

    @router.post("", responses=error_responses(400, 401, 408, 413, 415, 429))
    async def upload(
        request: Request, file: UploadFile, purpose: Annotated[str, Form()] = "vision"
    ) -> StoredFile:
        """Keeps a video, picture or sound until it expires."""
        owner = request.state.visit.caller.owner
        return await to_thread.run_sync(
            uploads.add, file.file, file.filename or "file", purpose, owner
        )

    @router.get("", responses=error_responses(401))
    async def list_files(request: Request) -> StoredFileList:
        """The caller's uploads, newest first."""
        owner = request.state.visit.caller.owner
        return StoredFileList(data=await to_thread.run_sync(uploads.list, owner))

    @router.get("/{file_id}", responses=error_responses(401, 404))
    async def get_file(file_id: str, request: Request) -> StoredFile:
        """What is known about one upload."""
        return uploads.get(file_id, request.state.visit.caller.owner)

    @router.get("/{file_id}/content", responses=error_responses(401, 404))
    async def get_content(file_id: str, request: Request) -> FileResponse:
        """Its bytes, as they came."""
        path = uploads.content(file_id, request.state.visit.caller.owner)
        return FileResponse(path, media_type="application/octet-stream")

    @router.delete("/{file_id}", responses=error_responses(401, 404))
    async def delete_file(file_id: str, request: Request) -> Deletion:
        """Forgets an upload."""
        uploads.remove(file_id, request.state.visit.caller.owner)
        return Deletion(id=file_id)

    return router
