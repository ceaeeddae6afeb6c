"""How much one request, one key and all of them together may take; every limit is on by default."""

from dataclasses import dataclass, fields

from videollama.errors import InputError

MEBIBYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """What is refused, and with which status.

    Attributes:
        body_bytes: Largest body of a request, media as data: URLs included; then 413.
        body_seconds: Longest time for a body to arrive; then 408.
        request_seconds: Longest time for an answer, its wait in the queue included; then 408.
        running_requests: Requests that are answered at the same time.
        waiting_requests: Requests that may wait beside them; one more gets 429.
        requests_per_minute: Of one API key, or of one address where there are no keys; then 429.
        new_tokens: Longest answer that can be asked for; more is 400.
        messages: Most turns of a conversation; more is 400.
        text_characters: Most text of a conversation; more is 413.
        media_parts: Most media in one request; more is 400.
        media_frames: Most frames looked at in one of them; more is 400.
        media_seconds: Longest part of a video or sound that is read; longer is 413.
        frame_pixels: Largest picture or frame; larger is 413.
        decode_seconds: Longest time to decode one file; then 422.
        decode_bytes: Most memory to decode one file; then 422.
        upload_bytes: Largest uploaded or fetched file; then 413.
        stored_bytes: All uploads of one key together; then 413.
        stored_hours: How long an upload is kept.
        fetch_seconds: Longest time to fetch one address; then 408.

    Raises:
        InputError: A limit is not more than 0, or below 0 for `waiting_requests`.
    """

    body_bytes: int = 32 * MEBIBYTE
    body_seconds: float = 60.0
    request_seconds: float = 300.0
    running_requests: int = 8
    waiting_requests: int = 32
    requests_per_minute: int = 120
    new_tokens: int = 1024
    messages: int = 128
    text_characters: int = 100_000
    media_parts: int = 8
    media_frames: int = 64
    media_seconds: float = 600.0
    frame_pixels: int = 36_000_000
    decode_seconds: float = 60.0
    decode_bytes: int = 2048 * MEBIBYTE
    upload_bytes: int = 512 * MEBIBYTE
    stored_bytes: int = 4096 * MEBIBYTE
    stored_hours: float = 24.0
    fetch_seconds: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "waiting_requests":
                if value < 0:
                    raise InputError(f"waiting_requests is {value}, but must be 0 or more.")
            elif not value > 0:
                raise InputError(f"{field.name} is {value}, but must be more than 0.")
