"""Errors as bodies in OpenAI's form: `{"error": {"message", "type", "param", "code"}}`."""

from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from videollama.errors import (
    BackendError,
    BusyError,
    InputError,
    LanguageError,
    MediaError,
    RefusedError,
    VideoLlamaError,
)
from videollama.serve.request_log import log_defect

CLIENT_CLOSED_REQUEST = 499  # nobody is left to read it; it stands in the log only

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unreadable_media",
    429: "rate_limited",
    503: "unavailable",
}
_SHOWN_CHARACTERS = 80
# Kind, status, code and when to try again; the narrower kinds stand first.
_ANSWERS: tuple[tuple[type[VideoLlamaError], int, str | None, float | None], ...] = (
    (BusyError, 429, "queue_full", 5),
    (BackendError, 503, "backend_unavailable", 5),
    (MediaError, 422, None, None),
    (RefusedError, 400, "content_filter", None),
    (LanguageError, 400, "unsupported_language", None),
    (InputError, 400, None, None),
    (VideoLlamaError, 503, None, None),
)


class ApiError(HTTPException):
    """Ends a request with a status and one sentence.

    Args:
        status: Of the answer.
        message: What is wrong and what to do about it.
        param: Where in the request, for example "messages[0].content[1]".
        code: For programs; that of the status if absent.
        retry_after_seconds: When to try again.
        realm: What a browser asks a password for; programs send a key.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_seconds: float | None = None,
        realm: str | None = None,
    ) -> None:
        headers = {}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = f'Basic realm="{realm}"' if realm else "Bearer"
        if retry_after_seconds is not None:
            headers["retry-after"] = str(max(1, round(retry_after_seconds)))
        super().__init__(status, message, headers or None)
        self.message, self.param, self.code = message, param, code

    def body(self) -> dict[str, Any]:
        """What the client reads."""
        return error_body(self.status_code, self.message, self.param, self.code)


def error_body(
    status: int, message: str, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """An error in OpenAI's form."""
    kind = "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": param,
            "code": code or _CODES.get(status, kind),
        }
    }


def as_api_error(error: Exception) -> ApiError | None:
    """The answer to an error that the caller can put right; None for a defect of ours."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    for kind, status, code, retry_after in _ANSWERS:
        if isinstance(error, kind):
            return ApiError(status, str(error), code=code, retry_after_seconds=retry_after)
    if isinstance(error, HTTPException):
        return _of_route(error)
    return None


def told_error(error: Exception, request_id: str) -> ApiError:
    """What the client is told of any error; a defect of ours is logged and not described."""
    known = as_api_error(error)
    if known is None:
        log_defect(request_id, error)
        return ApiError(500, "Something broke here; the log holds this request's id.")
    return known


async def answer_with_error(_: Request, error: Exception) -> JSONResponse:
    """What FastAPI calls for the errors that `as_api_error` knows."""
    known = as_api_error(error)
    if known is None:
        raise error
    return JSONResponse(known.body(), known.status_code, headers=known.headers)


def _of_route(error: HTTPException) -> ApiError:
    messages = {
        404: "There is nothing at this address; /openapi.json lists what there is.",
        405: "This address does not take this method; /openapi.json lists what there is.",
    }
    known = ApiError(error.status_code, messages.get(error.status_code, str(error.detail)))
    known.headers = error.headers
    return known


def _of_validation(error: RequestValidationError) -> ApiError:
    """What is wrong with a body, and where: of a union's complaints, the one that got furthest."""
    first = max(error.errors(), key=lambda each: len(each["loc"]))
    where = _place(first["loc"])
    if first["type"] == "json_invalid":
        return ApiError(400, "The body is not valid JSON.", code="invalid_json")
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"{where} is not known; leave it out.", param=where)
    message = f"{where or 'The body'}: {first['msg'].removeprefix('Value error, ')}."
    return ApiError(400, message, param=where or None)


def _place(location: tuple[str | int, ...]) -> str:
    """("body", "messages", 0, "user", "content", 1) as "messages[0].content[1]"."""
    place, after_item = "", False
    for step in location[1:]:
        if isinstance(step, int):
            place, after_item = f"{place}[{step}]", True
        elif "[" in step or step == "str":
            continue  # pydantic names a variant of a union
        elif after_item:
            after_item = False  # the variant of an item of ours, named by its role or type
        else:
            place += f".{step[:_SHOWN_CHARACTERS]}" if place else step[:_SHOWN_CHARACTERS]
    return place
