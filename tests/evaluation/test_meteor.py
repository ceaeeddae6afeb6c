"""METEOR where it is, and one sentence where it is not; nothing else is lost by it."""

import shutil
import sys

import pytest

from videollama.consensus import caption_tokens
from videollama.evaluation import meteor as module
from videollama.evaluation.captioning import CaptionsTask
from videollama.evaluation.meteor import meteor

CANDIDATES = ["a man rides a bike", "", "two dogs run on the grass", "x y z"]
REFERENCES = [
    ["a man is riding a bicycle", "someone rides a bike down a road"],
    ["a dog"],
    ["two dogs are running in grass", "..."],
    ["a cat"],
]
SPEAKS = f"""#!{sys.executable}
import sys
for line in sys.stdin:
    if line.startswith("SCORE ||| "):
        print(line.count("|||"), flush=True)
    else:
        counts = line.strip().removeprefix("EVAL ||| ").split(" ||| ")
        print(*[0.1 for _ in counts], sum(map(int, counts)) / 100, sep="\\n", flush=True)
"""


def tokens():
    human = [[caption_tokens(caption) for caption in group] for group in REFERENCES]
    return [caption_tokens(caption) for caption in CANDIDATES], human


@pytest.fixture
def java(tmp_path, monkeypatch):
    """Puts a script in Java's place, and takes METEOR for installed."""
    monkeypatch.setattr(module, "_program_folder", lambda: tmp_path)

    def write(script):
        (tmp_path / "java").write_text(script)
        (tmp_path / "java").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return write


def test_every_caption_is_counted_and_the_last_number_is_that_of_all(java):
    java(SPEAKS)
    found = meteor(*tokens())
    assert (found.score, found.reason) == (pytest.approx(0.10), "")  # 3 + 2 + 3 + 2 bars


@pytest.mark.parametrize(
    ("has_java", "has_program", "lacks"),
    [
        (False, True, "Java"),
        (True, False, "`pip install 'videollama[meteor]'`"),
        (False, False, "Java and `pip install 'videollama[meteor]'`"),
    ],
)
def test_what_is_lacking_is_one_sentence(tmp_path, monkeypatch, has_java, has_program, lacks):
    monkeypatch.setattr(module.shutil, "which", lambda name: "java" if has_java else None)
    monkeypatch.setattr(module, "_program_folder", lambda: tmp_path if has_program else None)
    assert meteor(*tokens()).reason == f"METEOR is left out: it needs {lacks}."


@pytest.mark.parametrize("script", ["sleep 100", "exec sleep 100", "read line; sleep 100"])
def test_a_java_that_hangs_is_ended(java, script):
    java(f"#!/bin/sh\n{script}\n")
    found = meteor(*tokens(), limit_seconds=0.5)
    assert found.score is None
    assert found.reason == "METEOR is left out: Java gave no answer within 0.5 s."


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo Error: no such jarfile. >&2; exit 1", "Error: no such jarfile"),
        ("read line; echo nonsense", "it said nothing"),
        ("exit 0", "it said nothing"),
    ],
)
def test_a_java_that_fails_says_why(java, script, told):
    java(f"#!/bin/sh\n{script}\n")
    assert meteor(*tokens()).reason == f"METEOR is left out: Java failed: {told}."


def test_the_other_figures_are_not_lost(java, photo_folder):
    java("#!/bin/sh\nexit 1\n")
    task = CaptionsTask(photo_folder)
    scores = task.judge(task.samples, ["A dog runs."] * 12)
    assert scores.numbers["CIDEr-D"] > 0
    assert "METEOR" not in scores.numbers
    assert list(scores.left_out) == ["METEOR"]
    java(SPEAKS)
    scores = task.judge(task.samples, ["A dog runs."] * 12)
    assert list(scores.numbers)[-1] == "METEOR"
    assert scores.left_out == {}


@pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")
def test_the_score_is_that_of_pycocoevalcap():
    program = pytest.importorskip("pycocoevalcap.meteor.meteor")
    candidates, references = tokens()
    wanted, _ = program.Meteor().compute_score(
        {n: [" ".join(words) for words in group] for n, group in enumerate(references)},
        {n: [" ".join(words)] for n, words in enumerate(candidates)},
    )
    assert meteor(candidates, references).score == wanted
    assert wanted > 0.2
