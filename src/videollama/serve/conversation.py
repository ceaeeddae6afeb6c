"""A request's messages as the processor reads them, and the media they show."""

import secrets
from typing import Any

from videollama.inference.messages import Message, tokenizable
from videollama.inference.named_parts import without_named_part
from videollama.inference.options import WordChoice
from videollama.media.clip import Clip
from videollama.serve.api_errors import ApiError
from videollama.serve.limits import Limits
from videollama.serve.media_inputs import MediaInput
from videollama.serve.request_schemas import ChatCompletionRequest, ChatMessage, TextPart

_ROLES = {"developer": "system"}


def media_of(body: ChatCompletionRequest) -> list[MediaInput]:
    """Every medium with its place, in the order of the conversation."""
    return [
        MediaInput(f"messages[{row}].content[{column}]", part)
        for row, message in enumerate(body.messages)
        if not isinstance(message.content, str)
        for column, part in enumerate(message.content)
        if not isinstance(part, TextPart)
    ]


def question_of(body: ChatCompletionRequest) -> str:
    """The words of the last message."""
    return "\n".join(_texts(body.messages[-1]))


def check_length(body: ChatCompletionRequest, limits: Limits) -> None:
    """Refuses what would keep the tokenizer busy for long, and a turn without words.

    Raises:
        ApiError: 400 or 413.
    """
    if len(body.messages) > limits.messages:
        raise ApiError(
            400,
            f"The conversation has {len(body.messages)} messages, and at most {limits.messages} "
            "are read; leave the oldest out.",
            param="messages",
        )
    characters = sum(len(text) for message in body.messages for text in _texts(message))
    if characters > limits.text_characters:
        raise ApiError(
            413,
            f"The conversation has {characters} characters, and at most {limits.text_characters} "
            "are read; leave the oldest messages out.",
            param="messages",
        )
    last = len(body.messages) - 1
    if not any(text.strip() for text in _texts(body.messages[last])):
        where = f"messages[{last}].content"
        raise ApiError(
            400, f"{where}: the question is empty; ask something beside the media.", param=where
        )


def messages_of(
    body: ChatCompletionRequest, inputs: list[MediaInput], clips: list[Clip], *, of_part: bool
) -> list[Message]:
    """The conversation in transformers' form; media refer to `clips` by number.

    Args:
        body: The request.
        inputs: What `media_of` gave.
        clips: The same media, read.
        of_part: Whether only the part is shown that the last message names; then the model is not
            asked for that part again.
    """
    shown = iter(enumerate(zip(inputs, clips, strict=True)))
    messages = []
    for message in body.messages:
        is_of_part = of_part and message is body.messages[-1]
        content: list[dict[str, Any]] = []
        if isinstance(message.content, str):
            content.append(_text(message.content, is_of_part))
        else:
            for part in message.content:
                if isinstance(part, TextPart):
                    content.append(_text(part.text, is_of_part))
                    continue
                number, (medium, clip) = next(shown)
                content.append({"type": medium.kind(clip), "clip": number})
        messages.append({"role": _ROLES.get(message.role, message.role), "content": content})
    return messages


def _text(text: str, is_of_part: bool) -> dict[str, Any]:
    return {"type": "text", "text": tokenizable(without_named_part(text) if is_of_part else text)}


def word_choice(body: ChatCompletionRequest, limits: Limits) -> WordChoice:
    """How the answer's words are chosen: the likeliest ones, unless the request asks for a draw.

    Raises:
        ApiError: 400, a longer answer is asked for than the server gives.
    """
    wanted = body.max_completion_tokens or body.max_tokens
    if wanted is not None and wanted > limits.new_tokens:
        raise ApiError(
            400,
            f"max_tokens is {wanted}, and at most {limits.new_tokens} are written.",
            param="max_completion_tokens" if body.max_completion_tokens else "max_tokens",
        )
    given: dict[str, Any] = {
        "temperature": body.temperature or None,
        "top_p": body.top_p,
        "seed": body.seed,
        "max_new_tokens": wanted or min(WordChoice.max_new_tokens, limits.new_tokens),
    }
    if body.seed is None:
        given["seed"] = secrets.randbelow(2**63)  # whoever asks again wants another draw
    draws = body.temperature != 0 and any(
        value is not None for value in (body.temperature, body.top_p, body.seed)
    )
    return WordChoice(
        do_sample=draws, **{name: value for name, value in given.items() if value is not None}
    )


def _texts(message: ChatMessage) -> list[str]:
    if isinstance(message.content, str):
        return [message.content]
    return [part.text for part in message.content if isinstance(part, TextPart)]
