"""What the page shows of a session, in the words of a language."""

from html import escape
from typing import TYPE_CHECKING, Any

from videollama.media.sheet import sheet_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image

    from videollama.languages.catalogue import Wording
    from videollama.media.clip import Clip
    from videollama.web.live_view import Line
    from videollama.web.session import Turn

_CELL_WIDTH = 136  # four frames in a column of the page, with times large enough to read


def picture_of(clip: "Clip") -> "Image":
    """The sampled frames above the waveform; a picture as it is."""
    if clip.kind == "image" and clip.frames is not None:
        from PIL import Image

        return Image.fromarray(clip.frames[0].numpy())
    return sheet_picture(clip, heading=False, cell_width=_CELL_WIDTH)


def facts_of(clip: "Clip", words: "Wording") -> str:
    """What is known of the file, as a line of HTML with its warnings below."""
    parts = [words.text(f"kind_{clip.kind}")]
    if clip.duration_seconds:
        end = clip.start_seconds + clip.duration_seconds
        parts.append(
            words.text("part", start=f"{clip.start_seconds:.1f}", end=f"{end:.1f}")
            if clip.start_seconds
            else words.text("duration", seconds=f"{clip.duration_seconds:.1f}")
        )
    if clip.kind == "video":
        count = len(clip.frame_times_seconds)
        key = "frame" if count == 1 else "frames_count"
        parts.append(words.text(key, count=count))
    if clip.kind != "image":
        parts.append(words.text(f"sound_{clip.audio_status}"))
    line = f"<p><strong>{escape(clip.path.name)}</strong><br>{escape(' · '.join(parts))}</p>"
    warnings = [f'<p class="warning">{escape(words.sentence(each))}</p>' for each in clip.warnings]
    return "".join([line, *warnings])


def problem_of(error: Exception, file: "Path | None", words: "Wording") -> str:
    """An error as HTML that screen readers announce, with the file's name in place of its path."""
    sentence = str(error)
    if file is not None:
        sentence = sentence.replace(str(file), file.name)
    return alert(words.sentence(sentence))


def alert(sentence: str) -> str:
    """A sentence as HTML that screen readers announce."""
    return f'<p role="alert">{escape(sentence)}</p>'


def messages_of(turns: "Sequence[Turn]", words: "Wording") -> list[dict[str, Any]]:
    """The conversation in the form of Gradio's chat: each answer is followed by its basis.

    The chat takes what it gets for HTML, with Markdown switched off too; here all of it is text.
    """
    messages: list[dict[str, Any]] = []
    for turn in turns:
        messages.append({"role": "user", "content": escape(turn.question)})
        text = words.text("waiting") if turn.status == "waiting" else escape(turn.text) or "…"
        messages.append({"role": "assistant", "content": text})
        if turn.status in ("done", "stopped"):
            heading = {"title": basis_of(turn, words), "status": "done"}
            about = details_of(turn, words)
            messages.append({"role": "assistant", "content": about, "metadata": heading})
        messages += [{"role": "assistant", "content": line} for line in flags_in(turn, words)]
    return messages


def basis_of(turn: "Turn", words: "Wording") -> str:
    """What an answer is based on: "8 frames from 0.0 to 7.0 s · silence · answered in 3.1 s"."""
    parts = []
    for seen in turn.seen:
        times = seen.times_seconds
        key = "seen_frame" if len(times) == 1 else "seen_frames"
        key = "seen_picture" if seen.kind == "image" else key
        first, last = f"{times[0]:.1f}", f"{times[-1]:.1f}"
        parts.append(words.text(key, count=len(times), first=first, last=last))
        if seen.kind == "video" and not turn.heard:
            parts.append(words.text("heard_left_out"))
    for heard in turn.heard:
        seconds = f"{heard.duration_seconds:.1f}"
        parts.append(words.text(f"heard_{heard.status}", seconds=seconds))
    key = "stopped" if turn.status == "stopped" else "took"
    parts.append(words.text(key, seconds=f"{turn.seconds:.1f}"))
    return " · ".join(parts)


def flags_in(turn: "Turn", words: "Wording") -> list[str]:
    """What the file does not bear out, a line of HTML each; empty where that was not checked."""
    if turn.flags is None:
        return []
    lines = [
        words.text(
            f"flag_{flag.reason}", name=flag.name, percent=f"{100 * (flag.likelihood or 0):.0f}"
        )
        for flag in turn.flags
    ]
    return [f"⚠ {escape(line)}" for line in lines] or [words.text("flag_none")]


def details_of(turn: "Turn", words: "Wording") -> str:
    """The basis in full: when every frame is shown, and whether words were drawn at random."""
    lines = [
        words.text("frame_times", times=", ".join(f"{time:.2f}" for time in seen.times_seconds))
        for seen in turn.seen
        if seen.kind == "video"
    ]
    if turn.attempt:
        lines.append(words.text("attempt", number=turn.attempt + 1))
    return "\n".join(lines) or basis_of(turn, words)


def lines_of(lines: "Sequence[Line]", words: "Wording") -> str:
    """What a camera showed as a list of HTML, the newest first; screen readers hear what is new."""
    if not lines:
        return f"<p>{escape(words.text('live_nothing'))}</p>"
    items = []
    for line in reversed(lines):
        minutes, seconds = divmod(int(line.time_seconds), 60)
        text = line.text
        if line.kind == "alert":
            key = "live_alert_question" if text.endswith("?") else "live_alert"
            text = words.text(key, text=text)
        time = f"<time>{minutes}:{seconds:02}</time>"
        asked = f"<em>{escape(line.question)}</em> " if line.question else ""
        items.append(f'<li class="{line.kind}">{time} {asked}{escape(text)}</li>')
    return f'<ol role="log" aria-live="polite">{"".join(items)}</ol>'
