import numpy as np
import pytest

from videollama.applications.analysis import Analysis, Segment, SoundEvent
from videollama.inference.segments import Statement
from videollama.media.sound_levels import SoundLevels


@pytest.fixture
def analysis():
    """A made-up film: two scenes with a dog between them, then black and silent."""
    bark = Statement("I hear a dog <b>barking</b>.", 0.8)
    return Analysis(
        path="/films/a & b.mp4",
        kind="video",
        duration_seconds=75.0,
        frames_per_second=25.0,
        audio_status="present",
        segments=(
            Segment(0.0, 4.0, 1, Statement("A man is sitting.", 0.5), None, "sitting", 1, b"jpeg"),
            Segment(4.0, 60.0, 2, Statement("Two <script>men</script> run.", 0.25), bark, None, 2),
            Segment(60.0, 75.0, 2),
        ),
        sounds=(SoundEvent(5.0, 59.0, "dog <b>barking</b>", 0.8),),
        warnings=("the file is damaged",),
        levels=SoundLevels(np.linspace(0, 1, 750), np.linspace(0, 0.5, 750), 1.0),
    )
