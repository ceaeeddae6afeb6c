"""What is remembered is bounded, and looks like any other clip."""

import torch

from videollama.live.memory import RollingMemory
from videollama.media.audio import SAMPLE_RATE

TONE = torch.linspace(-1, 1, SAMPLE_RATE)[None]


def frame(shade):
    return torch.full((4, 4, 3), shade, dtype=torch.uint8)


def filled(seconds, memory_seconds=5.0):
    memory = RollingMemory("camera", memory_seconds)
    for second in range(seconds):
        memory.see(float(second), frame(second))
        memory.hear(float(second), TONE)
    return memory


def test_only_the_last_seconds_are_remembered():
    clip = filled(60).clip(59.0, num_frames=8)
    assert clip.frame_times_seconds == (54.0, 55.0, 56.0, 57.0, 58.0, 59.0)
    assert clip.frames[:, 0, 0, 0].tolist() == [54, 55, 56, 57, 58, 59]
    assert clip.waveform.shape == (1, 5 * SAMPLE_RATE)
    assert (clip.kind, clip.audio_status, clip.start_seconds) == ("video", "present", 54.0)


def test_frames_are_spread_evenly():
    clip = filled(60, memory_seconds=30.0).clip(59.0, num_frames=4)
    assert clip.frame_times_seconds == (29.0, 39.0, 49.0, 59.0)


def test_what_came_long_ago_is_forgotten_though_nothing_came_since():
    assert filled(10).clip(100.0, num_frames=8) is None


def test_without_sound_there_is_no_track_and_zeros_are_silence():
    memory = RollingMemory("camera", 5.0)
    memory.see(0.0, frame(1))
    assert memory.clip(0.0, 8).audio_status == "absent"
    memory.hear(0.0, torch.zeros(2, SAMPLE_RATE))
    assert memory.clip(0.0, 8).audio_status == "silent"
    memory.see(9.0, frame(1))
    assert memory.clip(9.0, 8).audio_status == "silent"


def test_sound_alone_is_a_sound():
    memory = RollingMemory("radio", 5.0)
    memory.hear(0.0, TONE)
    clip = memory.clip(1.0, 8)
    assert (clip.kind, clip.frames, clip.duration_seconds) == ("audio", None, 1.0)
