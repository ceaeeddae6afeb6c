from tests.synthetic import write_sound
from videollama.media.sound_windows import sound_windows


def test_a_part_behind_the_end_of_the_sound_is_silent(tmp_path):
    [part] = sound_windows(write_sound(tmp_path / "a.wav", 1.0), [(5.0, 6.0)])
    assert part.shape == (1, 400)
    assert not part.any()
