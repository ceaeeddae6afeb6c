from videollama.applications.analysis import Analysis, Segment
from videollama.applications.report import as_lines


def test_the_report_tells_what_is_seen_and_heard_and_when(analysis):
    assert as_lines(analysis) == [
        "/films/a & b.mp4: video, 1:15.0, 2 scenes, 1 sound",
        "",
        "   0:00.0 - 0:04.0     scene 1    A man is sitting. (0.50)",
        "                                  1 person",
        "   0:04.0 - 1:00.0     scene 2    Two <script>men</script> run. (0.25)",
        "                                  I hear a dog <b>barking</b>. (0.80)",
        "                                  2 people",
        "   1:00.0 - 1:15.0                nothing to be seen or heard",
        "",
        "Sounds",
        "   0:05.0 - 0:59.0     dog <b>barking</b> (0.80)",
        "Note: the file is damaged",
    ]


def test_without_a_sound_the_report_says_why():
    still = Analysis("a.png", "image", 0.0, None, "absent", (Segment(0.0, 0.0, 1),), ())
    assert as_lines(still)[0] == "a.png: image, an image has no sound"
