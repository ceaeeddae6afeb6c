"""What went wrong, as a sentence on the page."""

import logging
from pathlib import Path

from videollama.errors import VideoLlamaError
from videollama.languages.catalogue import Wording
from videollama.web.rendering import alert, problem_of

_log = logging.getLogger(__name__)


def trouble_of(error: Exception, file: Path | None, words: Wording) -> str:
    """As HTML; of a defect of ours the log has more, and the page stays usable."""
    if isinstance(error, VideoLlamaError):
        return problem_of(error, file, words)
    _log.error("An answer of the page failed.", exc_info=error)
    return alert(words.text("defect"))
