import re

import av
import pysubs2
import pytest

from tests.synthetic import two_scenes, write_clip, write_frames, write_sound
from videollama.applications.subtitle_files import (
    add_subtitle_track,
    read_transcript,
    write_subtitles,
)
from videollama.applications.subtitles import Cue
from videollama.errors import InputError, MediaError, OutputError

CUES = [
    Cue(0.0, 1.5, "A man & a woman\nare dancing."),
    Cue(1.6, 2.75, "[dog barking]"),
    Cue(3700.04, 3702.0, "…"),
]


@pytest.mark.parametrize("suffix", [".vtt", ".srt", ".ass", ".VTT"])
def test_a_file_read_back_has_the_same_subtitles(tmp_path, suffix):
    path = tmp_path / "new folder" / f"a{suffix}"
    write_subtitles(path, CUES)
    events = pysubs2.load(str(path), encoding="utf-8").events
    assert [(event.start, event.end) for event in events] == [
        (0, 1500), (1600, 2750), (3_700_040, 3_702_000)
    ]  # fmt: skip
    texts = [event.plaintext.replace("&amp;", "&") for event in events]
    assert texts == [cue.text for cue in CUES]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.srt", "1\n00:00:03,000 --> 00:00:04,000\nB\n\n2\n00:00:01,000 --> 00:00:02,500\n"
                  "Tom & <i>Ann</i>\nsing {a}\n"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.500\nTom &amp; <i>Ann</i>\nsing {a}\n\n"
                  "00:03.000 --> 00:04.000\nB\n"),
    ],
)  # fmt: skip
def test_a_transcript_is_read_in_order_and_without_markup(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8-sig")
    first, second = read_transcript(tmp_path / name)
    assert (first.start_seconds, first.end_seconds, second) == (1.0, 2.5, Cue(3.0, 4.0, "B"))
    assert first.text.startswith("Tom & Ann\nsing")
    assert "{" not in first.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"only words", "no transcript that can be read"),
        (b"", "no transcript that can be read"),
        (b"1\n00:00:01,000 --> 00:00:02,500\n\xe4\xf6\n", "in UTF-8"),
        (b"1\n00:00:05,000 --> 00:00:02,500\nback\n", "at 5.000 s ends before it begins"),
        (None, "No such file"),
    ],
)
def test_what_is_no_transcript_is_refused(tmp_path, content, words):
    if content is not None:
        (tmp_path / "a.srt").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_transcript(tmp_path / "a.srt")


def test_ffmpeg_reads_the_files(tmp_path):
    for suffix in (".vtt", ".srt", ".ass"):
        write_subtitles(tmp_path / f"a{suffix}", CUES)
        with av.open(str(tmp_path / f"a{suffix}")) as container:
            packets = [packet for packet in container.demux() if packet.size]
        assert [float(packet.pts * packet.time_base) for packet in packets] == [0.0, 1.6, 3700.04]


def test_webvtt_is_as_the_standard_wants_it(tmp_path):
    write_subtitles(tmp_path / "a.vtt", CUES)
    head, *blocks = (tmp_path / "a.vtt").read_bytes().decode("utf-8").strip().split("\n\n")
    assert head == "WEBVTT"
    times = r"\d\d:[0-5]\d:[0-5]\d\.\d{3}"
    for block in blocks:
        assert re.match(rf"\d+\n{times} --> {times}\n[^\n]+(\n[^\n]+)?$", block)
        assert not re.search(r"&(?!amp;)|<", block)


def test_no_subtitles_are_a_file_too(tmp_path):
    for suffix in (".vtt", ".srt", ".ass"):
        write_subtitles(tmp_path / f"a{suffix}", [])
        assert (tmp_path / f"a{suffix}").exists()
    assert (tmp_path / "a.vtt").read_text(encoding="utf-8").startswith("WEBVTT\n")


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"a\.txt is not a name for subtitles"):
        write_subtitles(tmp_path / "a.txt", CUES)
    with pytest.raises(OutputError, match=r"a\.avi is not a name for a video"):
        add_subtitle_track(tmp_path / "a.mp4", tmp_path / "a.avi", CUES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "mov_text"), (".mkv", "srt")])
def test_a_copy_has_the_same_packets_and_the_subtitles(tmp_path, suffix, codec):
    video = write_clip(tmp_path / "a.mp4", seconds=4.0)
    target = tmp_path / f"b{suffix}"
    add_subtitle_track(video, target, CUES[:2])
    assert packets_of(target, "video") == packets_of(video, "video")
    assert packets_of(target, "audio") == packets_of(video, "audio")
    with av.open(str(target)) as copy:
        [track] = copy.streams.subtitles
        assert (track.codec_context.name, track.metadata.get("language")) == (codec, "eng")
        first = next(copy.demux(copy.streams.video))
        origin = float(first.pts * first.time_base)  # sound may begin before the picture
        copy.seek(0)
        shown = []
        for packet in copy.demux(track):
            for subtitle in packet.decode() if packet.size else ():
                text = subtitle.dialogue.decode() if subtitle.dialogue else subtitle.text.decode()
                shown.append((round(float(packet.pts * packet.time_base) - origin, 2), text))
    assert [(time, text.replace(r"\N", "\n").strip()) for time, text in shown if text.strip()] == [
        (0.0, CUES[0].text), (1.6, CUES[1].text)
    ]  # fmt: skip


def test_a_sound_can_have_a_track_too(tmp_path):
    add_subtitle_track(write_sound(tmp_path / "a.wav"), tmp_path / "a.mkv", CUES[:1])
    with av.open(str(tmp_path / "a.mkv")) as copy:
        assert [stream.type for stream in copy.streams] == ["audio", "subtitle"]


def test_what_fails_leaves_nothing(tmp_path):
    old = write_frames(tmp_path / "a.mkv", two_scenes(4), codec="msmpeg4")
    with pytest.raises(OutputError, match=r"b\.mp4 takes no copy of .*a\.mkv .*try b\.mkv"):
        add_subtitle_track(old, tmp_path / "b.mp4", CUES)
    (tmp_path / "text.mp4").write_text("this is text")
    with pytest.raises(MediaError, match=r"text\.mp4"):
        add_subtitle_track(tmp_path / "text.mp4", tmp_path / "b.mkv", CUES)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.mkv", "text.mp4"]


def packets_of(path, kind):
    """The bytes of every packet of the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]
