import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from videollama.applications.analysis import Analysis, Segment
from videollama.applications.page import page, write_page
from videollama.errors import OutputError

_VOID = {"meta", "img", "br"}


class Checked(HTMLParser):
    """Fails where a tag is not closed in its place; collects ids, links and sources."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.tags = [], [], [], [], set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.add(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found["src"]] if "src" in found else []
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(analysis):
    text = page(analysis)
    checked = Checked(text)
    assert "script" not in checked.tags
    assert "link" not in checked.tags
    assert all(source.startswith("data:image/jpeg;base64,") for source in checked.sources)
    assert len(checked.sources) == 1
    assert not re.search(r"https?:|@import|url\(", text)
    assert len(checked.ids) == len(set(checked.ids))


def test_every_link_of_the_timeline_leads_to_its_part(analysis):
    checked = Checked(page(analysis))
    assert checked.links == ["#segment-1", "#segment-2", "#segment-3", "#sound-1"]
    assert {link[1:] for link in checked.links} <= set(checked.ids)


def test_the_parts_lie_where_their_times_are(analysis):
    places = re.findall(r"left:([\d.]+)%;width:([\d.]+)%", page(analysis))
    assert [(float(a), float(b)) for a, b in places] == [
        pytest.approx(pair, abs=0.01)
        for pair in ((0, 5.333), (5.333, 74.667), (80, 20), (6.667, 72))
    ]


def test_it_says_what_the_model_says_and_no_more(analysis):
    text = page(analysis)
    assert "Two &lt;script&gt;men&lt;/script&gt; run." in text
    assert "a &amp; b.mp4" in text
    assert "<script" not in text
    for shown in ("0:04.0 - 1:00.0", "Action: sitting", "People: 2", "Note: the file is damaged"):
        assert shown in text
    assert "<polygon" in text


def test_a_still_and_a_sound_have_a_page_too(analysis):
    still = Analysis("a.png", "image", 0.0, None, "absent", (Segment(0.0, 0.0, 1),), ())
    sound = replace(analysis, kind="audio", segments=(Segment(0.0, 75.0, 1),))
    assert "<nav" not in page(still)
    assert "<polygon" in page(sound)
    for each in (still, sound):
        Checked(page(each))


def test_a_name_of_another_encoding_is_no_reason_to_fail(analysis, tmp_path):
    write_page(tmp_path / "new folder" / "a.html", replace(analysis, path="b\udcff.mp4"))
    assert "b?.mp4" in (tmp_path / "new folder" / "a.html").read_text(encoding="utf-8")


def test_a_place_that_takes_no_page_is_named(analysis):
    with pytest.raises(OutputError, match=r"/proc/nowhere/a\.html"):
        write_page(Path("/proc/nowhere/a.html"), analysis)
