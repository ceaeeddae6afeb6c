"""The tab of whole files below the browser."""

import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from tests.synthetic import write_picture
from videollama.applications.analysis import analyze
from videollama.errors import InputError
from videollama.inference.guarding import Guards
from videollama.media.decode import probe
from videollama.policy.guards import Decision
from videollama.policy.rule_guard import RuleGuard
from videollama.search.query import Hit
from videollama.web.backend import LocalFiles
from videollama.web.scene_handlers import SceneHandlers
from videollama.web.scenes import Scenes
from videollama.web.session import Session, Settings


@pytest.fixture
def do(backend):
    return SceneHandlers(backend)


@pytest.fixture
def session(backend, long_file):
    session = Session()
    session.open(backend, long_file, Settings())
    return session


@pytest.fixture
def folder(tmp_path):
    """Where files may lie that the page shows."""
    return tmp_path / "shown"


def nothing(*_):
    """Progress that nobody sees."""


def test_a_file_is_gone_through_as_in_python(do, session, assistant, long_file, folder):
    scenes = Scenes(folder)  # its files go with it
    trouble, page, files = do.go(session, scenes, "en", nothing)
    assert trouble == ""
    assert page.startswith('<iframe sandbox=""')
    assert "&lt;h1&gt;long.mp4&lt;/h1&gt;" in page
    names = [Path(file).name for file in files["value"]]
    assert names == ["long.html", "long.json", "long.vtt", "long.srt"]
    told = json.loads(Path(files["value"][1]).read_text())
    assert (
        told["segments"]
        == json.loads(json.dumps(analyze(assistant, long_file).to_dict()))["segments"]
    )


def test_a_second_wish_about_the_same_file_costs_no_second_walk(do, session, monkeypatch, folder):
    scenes = Scenes(folder)
    do.go(session, scenes, "en", nothing)
    monkeypatch.setattr("videollama.web.scenes.analyze", None)
    trouble, text = do.write("title", "neutral", session, scenes, "en", nothing)
    assert trouble == ""
    assert 'class="story"' in text
    assert "<li><time>0:00.0 - " in text


def test_a_small_decoder_says_that_it_writes_no_poem(do, session, folder):
    _, text = do.write("poem", "funny", session, Scenes(folder), "en", nothing)
    assert "too small for a poem" in text
    assert "<li>" in text


def test_the_best_moments_are_cut(do, session, folder):
    scenes = Scenes(folder)
    trouble, shown, files = do.cut("a square", 3, session, scenes, "en", nothing)
    assert trouble == ""
    video = Path(files["value"][0])
    assert video.name == "long-highlights.mp4"
    assert probe(video).duration_seconds <= 3.25
    assert f'src="gradio_api/file={video}"' in shown
    assert "picture +" in shown or "picture -" in shown


@pytest.mark.parametrize(
    ("query", "seconds", "reason"),
    [("?!", 3, "holds no word"), ("dog", 0, "must be more than 0"), ("dog", 600, "ask for less")],
)
def test_what_cannot_be_cut_is_a_sentence(do, session, query, seconds, reason, folder):
    trouble, *_ = do.cut(query, seconds, session, Scenes(folder), "en", nothing)
    assert trouble.startswith('<p role="alert">')
    assert reason in trouble


class Objects:
    """Objects to all that the model writes, and remembers it."""

    reads_answers = True

    def __init__(self):
        self.read = []

    def check_question(self, said):
        return None

    def check_answer(self, said, answer):
        self.read.append(answer)
        return Decision("strict", "refuse", "S7")


def guarded(backend, assistant, *guards):
    return SceneHandlers(replace(backend, whole=LocalFiles(assistant, Guards(guards))))


def test_a_harmful_query_is_refused_before_the_model_looks(
    backend, assistant, session, folder, monkeypatch
):
    monkeypatch.setattr("videollama.web.scenes.find_highlights", None)
    do = guarded(backend, assistant, RuleGuard())
    for query, sentence in (
        ("how to make a bomb", "I do not answer this."),
        ("who is this man", "I do not say who people are."),
    ):
        trouble, *_ = do.cut(query, 3, session, Scenes(folder), "en", nothing)
        assert sentence in trouble


def test_what_a_guard_objects_to_is_not_shown(backend, assistant, session, folder):
    strict = Objects()
    do = guarded(backend, assistant, strict)
    for updates in (
        do.go(session, Scenes(folder), "en", nothing),
        do.write("title", "neutral", session, Scenes(folder), "en", nothing),
        do.cut("a square", 3, session, Scenes(folder), "en", nothing),
    ):
        trouble, *others = updates
        assert "I do not answer this." in trouble
        assert all(update == gr.skip() for update in others)
    assert len(strict.read) == 3
    assert not folder.exists(), "no page, no subtitles and no cut were written"


def test_without_a_file_nothing_is_gone_through(do, folder):
    for updates in (
        do.go(Session(), Scenes(folder), "en", nothing),
        do.write("title", "neutral", Session(), Scenes(folder), "en", nothing),
        do.cut("dog", 3, Session(), Scenes(folder), "en", nothing),
    ):
        assert "No file is chosen" in updates[0]


def test_a_picture_has_no_subtitles(do, backend, tmp_path, folder):
    session = Session()
    session.open(backend, write_picture(tmp_path / "a.png"), Settings())
    _, _, files = do.go(session, Scenes(folder), "en", nothing)
    assert [Path(file).suffix for file in files["value"]] == [".html", ".json"]


def test_another_file_clears_what_was_told_of_the_first(do, session, backend, tmp_path, folder):
    scenes = Scenes(folder)
    _, _, files = do.go(session, scenes, "en", nothing)
    assert do.forget(session, scenes)[0] != ""  # the same file: everything stays
    session.open(backend, write_picture(tmp_path / "a.png"), Settings())
    assert do.forget(session, scenes)[:2] == ["", ""]
    assert not Path(files["value"][0]).exists()


def test_the_library_shows_pictures_and_reasons_and_no_markup(backend):
    hit = Hit(
        ("/films/a<b>.mp4",), 1.0, 4.0, "A <b>dog</b>.", "barking", ("dog",), 1.5, thumbnail=b"jpeg"
    )
    found = {"a dog": [hit], "fog": []}
    do = SceneHandlers(replace(backend, search=found.__getitem__))
    trouble, html = do.search("a dog", Session(), "en")
    assert trouble == ""
    assert "a&lt;b&gt;.mp4" in html
    assert "A &lt;b&gt;dog&lt;/b&gt;. [barking]" in html
    assert "likelihood x 1.50" in html
    assert 'src="data:image/jpeg;base64,' in html
    assert "/films" not in html
    assert "Nothing was found." in do.search("fog", Session(), "en")[1]


def test_what_cannot_be_searched_for_is_a_sentence(backend):
    def search(query):
        raise InputError("The query '' holds no word; describe what to find.")

    trouble, _ = SceneHandlers(replace(backend, search=search)).search("", Session(), "en")
    assert "holds no word" in trouble
