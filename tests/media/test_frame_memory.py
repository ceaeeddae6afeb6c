import pytest

from tests.synthetic import write_clip
from videollama.errors import InputError
from videollama.media import frame_memory
from videollama.media.container import opened
from videollama.media.frame_memory import check_expected_memory, check_memory
from videollama.media.frame_sampling import FrameSampling


def test_more_frames_than_memory_are_refused_with_what_is_possible():
    sentence = r"4000 frames of 224x224 need 602 MB.*at most 3566 frames"
    with pytest.raises(InputError, match=sentence):
        check_memory(4000, 224, 224)
    check_memory(3566, 224, 224)


def test_the_header_suffices_to_refuse(tmp_path, monkeypatch):
    monkeypatch.setattr(frame_memory, "MOST_FRAME_BYTES", 15 * 3 * 64 * 96)
    with opened(write_clip(tmp_path / "clip.mp4", seconds=2.0)) as container:
        video = container.streams.video[0]
        check_expected_memory(container, video, FrameSampling(15), None)
        check_expected_memory(container, video, FrameSampling(99, start_seconds=1.0), None)
        with pytest.raises(InputError, match="at most 15 frames"):
            check_expected_memory(container, video, FrameSampling(99), None)
