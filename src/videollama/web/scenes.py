"""What the page knows of one visitor's whole file: its scenes, texts about it, and a cut of it."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from videollama.applications.analysis import Analysis, analyze
from videollama.applications.highlight_files import companions
from videollama.applications.highlights import Highlights, find_highlights, require_askable
from videollama.applications.page import write_page
from videollama.applications.story import Story, Style, Tone, tell
from videollama.applications.subtitle_files import write_subtitles
from videollama.applications.subtitles import subtitle_cues
from videollama.checkpoints.atomic_output import new_file

if TYPE_CHECKING:
    from videollama.inference.engine import VideoLlama
    from videollama.languages.catalogue import Wording
    from videollama.web.backend import Backend

OnProgress = Callable[[int, int], None]


class Scenes:
    """One visitor's whole file; what was found is kept for the next wish about the same file.

    Args:
        folder: Where files may lie that the page shows.

    Attributes:
        file: What something was told of; None before.
    """

    def __init__(self, folder: Path) -> None:
        self._shown = folder
        self._found: tuple[Path, str, Analysis] | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self.file: Path | None = None

    def forget(self) -> None:
        """Lets go of the file and of what was made of it."""
        self._found = self._folder = self.file = None

    def analysis(
        self, backend: "Backend", file: Path, language: str, on_progress: OnProgress
    ) -> Analysis:
        """What is seen and heard in a file, and when.

        Args:
            backend: Goes through it.
            file: The visitor's.
            language: The page's; what the model does not know is written in English.
            on_progress: Called with the segments that are done and all of them.

        Raises:
            MediaError: The file cannot be used.
            RefusedError: A guard objects to what is seen or heard.
        """
        if self._found is not None and self._found[:2] == (file, language):
            return self._found[2]
        self.file = file
        overview = backend.whole.look_over(file)

        def work(assistant: "VideoLlama") -> Analysis:
            code = written_in(assistant, language)
            return analyze(assistant, overview, language=code, on_progress=on_progress)

        analysis = backend.whole.go_through(None, work, lambda analysis: analysis.said)
        self._found = file, language, analysis
        return analysis

    def downloads(self, analysis: Analysis, words: "Wording") -> list[Path]:
        """The same as files: a page, JSON, and subtitles where there is time."""
        folder, stem = self._place("scenes"), Path(analysis.path).stem
        page, facts = folder / f"{stem}.html", folder / f"{stem}.json"
        write_page(page, analysis, words)
        with new_file(facts) as draft:
            text = json.dumps(analysis.to_dict(), ensure_ascii=False, indent=2)
            draft.write_text(text, encoding="utf-8", errors="replace")
        if analysis.kind == "image":
            return [page, facts]
        subtitles = [folder / f"{stem}.{form}" for form in ("vtt", "srt")]
        for path in subtitles:
            write_subtitles(path, subtitle_cues(analysis))
        return [page, facts, *subtitles]

    def story(
        self, backend: "Backend", analysis: Analysis, style: Style, tone: Tone, language: str
    ) -> Story:
        """A text about a file that was gone through.

        Raises:
            InputError: Nothing is seen or heard in it.
            RefusedError: A guard objects to the text.
        """

        def work(assistant: "VideoLlama") -> Story:
            code = written_in(assistant, language)
            return tell(assistant, analysis, style, tone=tone, language=code)

        return backend.whole.go_through(None, work, lambda story: story.said)

    def cut(
        self, backend: "Backend", file: Path, query: str, seconds: float, on_progress: OnProgress
    ) -> tuple[dict[str, Any], list[Path]]:
        """The moments that fit a query, as a video.

        Returns:
            What was chosen and why, as `CutFiles.to_dict` tells it; the cut, its account and its
            edit list.

        Raises:
            MediaError: The file is no video, or cannot be decoded.
            InputError: The query holds no word, or the seconds make no sense.
            RefusedError: A guard objects to the query, or to what is seen or heard.
        """
        self.file = file
        overview = backend.whole.look_over(file)
        require_askable(overview, query, seconds)

        def work(assistant: "VideoLlama") -> Highlights:
            return find_highlights(
                assistant, overview, query, seconds=seconds, on_progress=on_progress
            )

        highlights = backend.whole.go_through(query, work, lambda found: found.said)
        video = self._place("cut") / f"{file.stem}-highlights.mp4"
        backend.whole.cut(file, highlights, video)
        account, edit_list = companions(video)
        return json.loads(account.read_text(encoding="utf-8")), [video, account, edit_list]

    def _place(self, name: str) -> Path:
        """A folder that the page may show, and that goes when the visitor does."""
        if self._folder is None:
            self._shown.mkdir(parents=True, exist_ok=True)
            self._folder = TemporaryDirectory(prefix="whole-", dir=self._shown)
        place = Path(self._folder.name) / name
        place.mkdir(exist_ok=True)
        return place


def written_in(assistant: "VideoLlama", language: str) -> str:
    """The page's language if the model knows it, else English."""
    return language if assistant.knows_language(language) else "en"
