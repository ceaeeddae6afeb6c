"""Texts about a file (a title, a story, a poem), from what is seen and heard in it.

Analysis -> facts with their times -> decoder, or put together -> checked against the facts
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from videollama.applications.analysis import Analysis
from videollama.applications.grounding import ungrounded_words
from videollama.checkpoints.skeleton import count_parameters, skeleton_of
from videollama.errors import InputError
from videollama.languages.catalogue import Wording, wording
from videollama.media.clock import clock
from videollama.media.frame_sampling import spread_evenly

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama

Style = Literal["alt-text", "title", "post", "story", "poem"]
Tone = Literal["neutral", "formal", "funny", "warm", "dramatic"]

LEAST_PARAMETERS = 1_000_000_000
"""Decoders with fewer do not write freely: what the one of 135 million adds to facts is invented
(docs/story.md has the figures)."""

_SYSTEM = "You write about a video. You say nothing that is not in the list of facts."
_ASKED: dict[Style, str] = {
    "alt-text": "Say in one or two sentences what the video shows, for people who cannot see it.",
    "title": "Write a title of at most eight words.",
    "post": "Write a post of one to three sentences for social media.",
    "story": "Write a short story of three to six sentences.",
    "poem": "Write a poem of four to eight lines.",
}
_TONES: dict[Tone, str] = {
    "neutral": "Write plainly.",
    "formal": "Write formally.",
    "funny": "Be funny.",
    "warm": "Be warm.",
    "dramatic": "Be dramatic.",
}
_FROM_FACTS: tuple[Style, ...] = ("alt-text", "title")
_MOST_FACTS = 40
_MOST_NEW_TOKENS = 256
_TITLE_CHARACTERS = 60
_LEAST_SENTENCES: dict[Style, int] = {"story": 3, "poem": 4}
_LAST_PHRASE = re.compile(r"(.+),? (?:with|while|and|as|near|next to|in front of|on|in|at) .*")


@dataclass(frozen=True)
class Fact:
    """Something that is seen or heard.

    Attributes:
        start_seconds: From when on.
        end_seconds: Until when.
        kind: "seen" or "heard".
        text: The model's sentence, or the name of the sound.
    """

    start_seconds: float
    end_seconds: float
    kind: Literal["seen", "heard"]
    text: str


@dataclass(frozen=True)
class Story:
    """A text about a file, and what it rests on.

    Attributes:
        path: The file.
        style: What kind of text.
        tone: How it is written; "neutral" where the facts were put together.
        language: Code.
        text: None where the decoder is too small for the style, or has invented something.
        facts: What it rests on, in the order of time.
        written_by: "decoder", or "facts" where these were put together without it.
        ungrounded: Words of the decoder that no fact has.
        refusal: Why there is no text.
    """

    path: str
    style: Style
    tone: Tone
    language: str
    text: str | None
    facts: tuple[Fact, ...]
    written_by: Literal["decoder", "facts"]
    ungrounded: tuple[str, ...] = ()
    refusal: str | None = None

    @property
    def said(self) -> str:
        """The text and the facts, a line each; what guards read."""
        return "\n".join([*filter(None, [self.text]), *(fact.text for fact in self.facts)])

    def to_dict(self) -> dict[str, Any]:
        """The same as plain lists, strings and numbers, ready for JSON."""
        facts = asdict(self)
        facts["facts"] = [
            {**asdict(fact), "start_seconds": round(fact.start_seconds, 3),
             "end_seconds": round(fact.end_seconds, 3)}
            for fact in self.facts
        ]  # fmt: skip
        facts["ungrounded"] = list(self.ungrounded)
        return facts


def facts_of(analysis: Analysis) -> tuple[Fact, ...]:
    """What is seen and heard, in order; neighbours that say the same are one."""
    seen: list[Fact] = []
    for segment in analysis.segments:
        if segment.seen is None:
            continue
        fact = Fact(segment.start_seconds, segment.end_seconds, "seen", segment.seen.text)
        if seen and seen[-1].text == fact.text:
            fact = replace(seen.pop(), end_seconds=fact.end_seconds)
        seen.append(fact)
    heard = [
        Fact(sound.start_seconds, sound.end_seconds, "heard", sound.name)
        for sound in analysis.sounds
    ]
    return tuple(sorted([*seen, *heard], key=lambda fact: fact.start_seconds))


def tell(
    assistant: "VideoLlama",
    analysis: Analysis,
    style: Style,
    *,
    tone: Tone = "neutral",
    language: str = "en",
) -> Story:
    """Writes a text about a file.

    A decoder with fewer than `LEAST_PARAMETERS` puts nothing into its own words for a title or an
    alternative text: they are put together from the facts. Its stories, posts and poems are given
    only if every word of them is in the facts. A larger decoder's text is given, with the words
    that are in no fact named beside it.

    Args:
        assistant: A loaded model.
        analysis: What is seen and heard in the file, in the same language.
        style: What kind of text.
        tone: How it is written.
        language: Code.

    Raises:
        InputError: There is nothing to write about, or no such style, tone or language.
        LanguageError: The model does not know the language.
    """
    for value, known in ((style, get_args(Style)), (tone, get_args(Tone))):
        if value not in known:
            raise InputError(f"{value!r} is not known; use one of {', '.join(known)}.")
    facts = facts_of(analysis)
    if not facts:
        raise InputError(
            f"Nothing that could be told is seen or heard in {analysis.path}; choose another file."
        )
    assistant.processor.require_known_language(wording(language).phrase(_ASKED[style]))
    story = Story(analysis.path, style, tone, language, None, facts, "decoder")
    size = count_parameters(skeleton_of(assistant.model.config))["decoder"]
    if size < LEAST_PARAMETERS and style in _FROM_FACTS:
        text = _title(facts) if style == "title" else _alt_text(facts, wording(language))
        return replace(story, tone="neutral", text=text, written_by="facts")
    shown = _spread(facts)
    text = _written(
        assistant, shown, style, tone, wording(language), strict=size < LEAST_PARAMETERS
    )
    loose = ungrounded_words(text, [fact.text for fact in shown])
    story = replace(story, facts=shown, text=text, ungrounded=loose)
    if not text or (size < LEAST_PARAMETERS and (loose or not _has_form(text, style))):
        return replace(story, text=None, refusal=_refusal(size, style, loose))
    return story


def as_lines(story: Story, words: Wording | None = None) -> list[str]:
    """The facts with their times, then the words that are in none, for people."""
    words = words or wording("en")
    lines = [
        f"{clock(fact.start_seconds):>9} - {clock(fact.end_seconds):<9} "
        f" {fact.text if fact.kind == 'seen' else f'[{fact.text}]'}"
        for fact in story.facts
    ]
    if story.text is not None and story.ungrounded:
        template = words.phrase("In no fact: {words}")
        lines.append(template.format(words=", ".join(story.ungrounded)))
    return lines


def _spread(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """As many as a decoder can read, spread evenly."""
    if len(facts) <= _MOST_FACTS:
        return tuple(facts)
    return tuple(facts[place] for place in spread_evenly(len(facts) - 1, _MOST_FACTS))


def _written(
    assistant: "VideoLlama",
    facts: Sequence[Fact],
    style: Style,
    tone: Tone,
    words: Wording,
    *,
    strict: bool,
) -> str:
    """What the decoder writes; if `strict`, only up to the first word that no fact has."""
    from videollama.inference.generation import write_streaming
    from videollama.inference.messages import question_message
    from videollama.inference.options import WordChoice

    lines = [
        f"- {clock(fact.start_seconds)} - {clock(fact.end_seconds)}, {words.phrase(fact.kind)}: "
        f"{fact.text}"
        for fact in facts
    ]
    asked = [words.phrase("Facts:"), *lines, "", words.phrase(_ASKED[style])]
    asked.append(words.phrase(_TONES[tone]))
    system = {"role": "system", "content": words.phrase(_SYSTEM)}
    messages = [system, question_message("\n".join(asked), [])]
    processor = assistant.processor
    pieces = write_streaming(
        assistant.model,
        processor(messages, with_media=False),
        assistant.encoder.encode(messages, []),
        WordChoice(max_new_tokens=_MOST_NEW_TOKENS),
        processor.decode_answer,
        **processor.stop_arguments(),
    )
    known = [fact.text for fact in facts]
    text = ""
    for piece in pieces:
        text += piece
        whole_words = re.sub(r"\w+$", "", text)
        if strict and ungrounded_words(whole_words, known):
            break
    return text.strip()


def _has_form(text: str, style: Style) -> bool:
    """Whether it is long enough for its style, and says nothing twice."""
    ends = r"\n+" if style == "poem" else r"[.!?。！？\n]+"
    sentences = [part.strip().lower() for part in re.split(ends, text) if part.strip()]
    enough = len(sentences) >= _LEAST_SENTENCES.get(style, 1)
    return enough and len(set(sentences)) == len(sentences)


def _refusal(size: int, style: Style, loose: Sequence[str]) -> str:
    invented = f"wrote what no fact has ({', '.join(loose)})"
    why = invented if loose else "wrote the same again and again, or too little"
    return (
        f"The model's decoder is too small for a {style}: with {size / 1e6:.0f} million parameters "
        f"it {why}; ask for an alternative text or a title, or use a larger model."
    )


def _longest_seen(facts: Sequence[Fact]) -> Fact | None:
    seen = [fact for fact in facts if fact.kind == "seen"]
    return max(seen, key=lambda fact: fact.end_seconds - fact.start_seconds, default=None)


def _title(facts: Sequence[Fact]) -> str:
    """The longest scene without "is" and without what does not fit; else the first sound."""
    fact = _longest_seen(facts) or facts[0]
    title = re.sub(r" (?:is|are) (?=[a-z]+ing\b)", " ", fact.text.split(". ")[0]).rstrip(" .")
    while len(title) > _TITLE_CHARACTERS and (match := _LAST_PHRASE.fullmatch(title)):
        title = match[1]
    return title[:1].upper() + title[1:]


def _alt_text(facts: Sequence[Fact], words: Wording) -> str:
    """The longest scene and one that differs, then the names of the sounds."""
    first = _longest_seen(facts)
    seen = [] if first is None else [first.text]
    others = [f.text for f in facts if f.kind == "seen" and f.text not in seen]
    sounds = list(dict.fromkeys(fact.text for fact in facts if fact.kind == "heard"))
    parts = [f"{text.rstrip(' .')}." for text in [*seen, *others[:1]]]
    if sounds:
        parts.append(words.phrase("Sound: {names}.").format(names=", ".join(sounds[:3])))
    return " ".join(parts)
