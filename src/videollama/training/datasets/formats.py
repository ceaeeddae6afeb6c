"""Which formats there are, and what each is recognised by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from videollama.training.datasets import (
    audiocaps,
    conversations,
    filter_cap,
    llava_cc3m,
    llava_instruct,
    question_table,
    videochat,
    webdataset,
    webvid,
)
from videollama.training.datasets.json_entries import JsonLayout
from videollama.training.datasets.record import Place, Sample

Layout = JsonLayout | Literal["table", "shard"]


@dataclass(frozen=True)
class Format:
    """How one format is recognised and read.

    Attributes:
        name: What people call it.
        layouts: How its files are laid out.
        fields: Columns, or fields of the first entry, that must be there.
        read_sample: Turns an entry into a sample, or raises `DataError` with what is wrong.
        fits: What else the first entry must be like.
    """

    name: str
    layouts: tuple[Layout, ...]
    fields: tuple[str, ...]
    read_sample: Callable[[Mapping[str, Any], Place], Sample]
    fits: Callable[[Mapping[str, Any]], bool] = lambda _: True


_JSON: tuple[Layout, ...] = ("list", "lines")


def _is_other(entry: Mapping[str, Any]) -> bool:
    return not llava_cc3m.is_cc3m(entry) and not llava_instruct.is_coco(entry)


FORMATS = (
    Format("WebVid", ("table",), webvid.FIELDS, webvid.read_sample),
    Format("AudioCaps", ("table",), audiocaps.FIELDS, audiocaps.read_sample),
    Format("question table", ("table",), question_table.FIELDS, question_table.read_sample),
    Format("filter_cap", ("annotations",), filter_cap.FIELDS, filter_cap.read_sample),
    Format(
        "LLaVA-CC3M chat",
        _JSON,
        llava_cc3m.CHAT_FIELDS,
        llava_cc3m.read_chat,
        llava_cc3m.is_cc3m,
    ),
    Format("LLaVA-CC3M metadata", _JSON, llava_cc3m.METADATA_FIELDS, llava_cc3m.read_metadata),
    Format(
        "LLaVA-Instruct",
        _JSON,
        llava_instruct.FIELDS,
        llava_instruct.read_sample,
        llava_instruct.is_coco,
    ),
    Format("VideoChat", _JSON, videochat.FIELDS, videochat.read_sample, videochat.names_medium),
    Format(
        "conversations",
        _JSON,
        conversations.CONVERSATION_FIELDS,
        conversations.read_sample,
        _is_other,
    ),
    Format("WebDataset", ("shard",), webdataset.FIELDS, webdataset.read_sample),
    Format("conversations", _JSON, conversations.MESSAGE_FIELDS, conversations.read_sample),
)
