import pytest

from tests.synthetic import write_clip, write_picture, write_sound
from videollama.errors import MediaError
from videollama.media.header import MediaHeader, read_header


def test_a_header_tells_what_is_there_and_how_long(tmp_path):
    clip = read_header(write_clip(tmp_path / "a.mp4", seconds=1.0))
    assert (clip.has_picture, clip.has_sound) == (True, True)
    assert clip.duration_seconds == pytest.approx(1.0, abs=0.15)
    assert not read_header(write_clip(tmp_path / "b.mp4", seconds=0.5, sound=None)).has_sound
    assert read_header(write_picture(tmp_path / "c.jpg")) == MediaHeader(True, False, 0.0)
    assert read_header(write_sound(tmp_path / "d.wav", 0.5)) == MediaHeader(False, True, 0.5)


def test_a_container_without_a_length_has_none(tmp_path):
    import av

    with av.open(str(tmp_path / "a.h264"), "w", format="h264") as container:
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            container.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(video.encode())
    assert read_header(tmp_path / "a.h264") == MediaHeader(True, False, None)


def test_subtitles_alone_are_nothing_to_see_or_hear(tmp_path):
    (tmp_path / "a.mp4").write_text("no video at all")
    with pytest.raises(MediaError, match="is not a video, image or sound that can be read"):
        read_header(tmp_path / "a.mp4")
