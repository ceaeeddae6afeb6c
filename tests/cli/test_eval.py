import json

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from tests.evaluation.judge_server import judge_server
from tests.synthetic import write_clip, write_sound
from videollama.cli.eval import evaluate
from videollama.errors import BackendError, DataError, InputError

LEFT_OUT = "METEOR is left out: it needs Java and `pip install 'videollama[meteor]'`."
CAPTIONS = {"dog": "A dog runs .", "car": "A red car stands there .", "boat": "A boat at anchor ."}


@pytest.fixture
def photo_folder(tmp_path):
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(6):
        name = list(CAPTIONS)[number % 3]
        Image.new("RGB", (32, 24), (40 * number, 99, 9)).save(folder / "images" / f"{number}.png")
        captions = [CAPTIONS[name]] * 2
        rows.append({"image": f"{number}.png", "split": "test", "captions": captions})
    (folder / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(autouse=True)
def no_meteor(monkeypatch):
    """Whatever is installed here."""
    monkeypatch.setattr("videollama.evaluation.meteor.shutil.which", lambda name: None)
    monkeypatch.setattr("videollama.evaluation.meteor._program_folder", lambda: None)


@pytest.fixture
def command(assistant, monkeypatch):
    """Runs the verb with the babbling model in place of the default one."""
    from videollama.inference.engine import VideoLlama

    monkeypatch.setattr(VideoLlama, "load", lambda ref, **_: assistant)
    app = typer.Typer()
    app.command("eval")(evaluate)

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


def test_json_holds_scores_counts_and_what_they_depend_on(command, photo_folder):
    result = command("captions", photo_folder, "--blind", "--json", "--quiet")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["task"] == "captions"
    assert report["part"] == "split test"
    assert report["beams"] == 3
    assert set(report["with media"]["scores"]) >= {"CIDEr-D", "BLEU-4"}
    assert report["with media"]["scores"]["METEOR"] is None
    assert report["blind"]["left_out"] == {"METEOR": LEFT_OUT}
    assert report["with media"]["answers"] == report["blind"]["answers"] == 6
    assert report["blind"]["broken"] == 0


def test_the_table_has_a_column_for_the_blind_and_the_split_is_told(command, photo_folder):
    (photo_folder / "images" / "3.png").write_bytes(b"not a picture")
    result = command("captions", photo_folder, "--blind")
    assert "captions: 6 questions, split test" in result.stderr
    assert "with media" in result.stdout
    assert "blind" in result.stdout
    assert "CIDEr-D" in result.stdout
    assert result.stdout.splitlines().count(LEFT_OUT) == 1
    assert [line.split()[-2:] for line in result.stdout.splitlines() if "unreadable" in line] == [
        ["1", "0"]
    ]


def test_answers_are_written_and_the_same_command_does_not_ask_again(
    command, photo_folder, tmp_path, assistant, monkeypatch
):
    output = tmp_path / "answers.jsonl"
    first = command("yesno", photo_folder, "--limit", "4", "--output", output, "--json", "-q")
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(lines) == 1 + 4
    assert lines[0]["run"]["task"] == "yesno"
    assert {"question", "answer", "truth", "score"} <= set(lines[1])

    def never(*_, **__):
        raise AssertionError("asked again")

    monkeypatch.setattr(assistant.model, "generate", never)
    again = command("yesno", photo_folder, "--limit", "4", "--output", output, "--json", "-q")
    assert json.loads(again.stdout) == json.loads(first.stdout)


def test_the_page_is_written(command, photo_folder, tmp_path):
    result = command("captions", photo_folder, "--limit", "2", "--page", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    assert "data:image/jpeg" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("order", "--fold", "4"), InputError, "--fold 4 does not fit: photos"),
        (("sounds", "--split", "val"), InputError, "--split val does not fit: sounds"),
        (("order", "--photos", "x"), InputError, "--photos x does not fit: FOLDER itself"),
        (("captions", "--split", "dev"), DataError, "no split 'dev'"),
        (("sounds",), DataError, r"labels\.csv does not exist"),
        (
            ("order", "--choice", "letter"),
            InputError,
            "--choice letter does not fit: it is for mvb",
        ),
        (("order", "--allow-missing"), InputError, "--allow-missing does not fit: it is for msvd"),
        (("captions", "--judge", "http://x/v1"), InputError, "--judge http://x/v1 does not fit"),
        (("msvd-qa", "--judge", "http://x/v1"), InputError, "needs both --judge URL and --judge-m"),
        (("video-chatgpt",), InputError, "has no figures without a judge; give --judge URL and"),
        (("msvd-qa",), DataError, r"holds none of test_qa\.json"),
        (("clip-captions",), DataError, "is in no known format"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_model_is_loaded(
    command, photo_folder, arguments, error, message
):
    task, *options = arguments
    result = command(task, photo_folder, *options)
    assert isinstance(result.exception, error)
    with pytest.raises(error, match=message):
        raise result.exception


def test_help_names_tasks_and_an_example(command):
    help_text = " ".join(command("--help").stdout.split())
    assert "videollama eval captions flickr8k/ --blind" in help_text
    for task in ("captions", "sounds", "order", "yesno", "hallucination", "msvd-qa", "mvbench"):
        assert task in help_text


@pytest.fixture
def msvd(tmp_path):
    """Three questions about two videos, one of which is missing."""
    entries = [
        {"video_id": video, "id": number, "question": "what moves?", "answer": "square"}
        for number, video in enumerate([1, 1, 2])
    ]
    (tmp_path / "test_qa.json").write_text(json.dumps(entries))
    write_clip(tmp_path / "vid1.mp4", seconds=0.5, size=(32, 48))
    return tmp_path


def test_missing_videos_stop_the_run_and_are_all_named_in_json(command, msvd):
    result = command("msvd-qa", msvd, "--json")
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == (
        "1 of 2 videos are missing, with 1 of 3 questions: 2; "
        "--allow-missing goes on without them, --json lists all."
    )
    assert json.loads(result.stdout)["coverage"]["missing"] == ["2"]
    (msvd / "vid1.mp4").unlink()
    result = command("msvd-qa", msvd, "--allow-missing")
    assert "2 of 2 videos are missing" in str(result.exception)
    assert "name their folder with --media" in str(result.exception)


def test_what_is_there_is_measured_and_the_coverage_reported(command, msvd):
    result = command("msvd-qa", msvd, "--allow-missing", "--json", "-q")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    report = json.loads(result.stdout)
    assert report["coverage"]["questions left out"] == 1
    assert report["with media"]["answers"] == 2
    assert set(report["with media"]["scores"]) == {"soft match", "exact match"}
    table = command("msvd-qa", msvd, "--allow-missing")
    assert "1 of 2 videos are missing" in table.stderr
    assert [line.split()[-3:] for line in table.stdout.splitlines() if "videos there" in line] == [
        ["1", "of", "2"]
    ]


def test_a_judge_is_asked_and_named(command, msvd):
    with judge_server(lambda body: (200, '{"pred": "yes", "score": 3}')) as (url, _):
        words = ("msvd-qa", msvd, "--allow-missing", "--judge", url, "--judge-model", "m")
        report = json.loads(command(*words, "--json", "-q").stdout)
        table = command(*words).stdout
    assert report["with media"]["grades"] == {"judge's grade": 3.0}
    assert report["with media"]["judge"]["model"] == "m"
    assert "judge's grade, of 5  3.00" in table
    result = command(*words)
    assert isinstance(result.exception, BackendError)
    assert "does not answer" in str(result.exception)


def test_captions_of_sounds_in_audiocaps_form_are_measured(command, tmp_path):
    rows = ["audiocap_id,youtube_id,start_time,caption"]
    rows += [f"{number},abc,30,A tone sounds {number} times" for number in range(5)]
    (tmp_path / "test.csv").write_text("\n".join(rows) + "\n")
    write_sound(tmp_path / "abc_30.wav")
    result = command("clip-captions", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    assert "clip-captions: 1 questions, AudioCaps, split test" in result.stderr
    report = json.loads(result.stdout)
    assert report["beams"] == 3
    assert report["with media"]["answers"] == 1
    (tmp_path / "test.csv").write_text(rows[0] + "\n1,abc\n")
    broken = command("clip-captions", tmp_path)
    assert "test.csv, line 2 has 2 cells, the first line 4" in str(broken.exception)


def test_options_are_chosen_by_likelihood(command, tmp_path):
    row = {"videoID": "v", "duration": "short", "question": "Who?", "answer": "B"}
    row["options"] = ["A. the dog", "B. it"]
    (tmp_path / "videomme.jsonl").write_text(json.dumps(row))
    write_clip(tmp_path / "v.mp4", seconds=0.5, size=(32, 48))
    result = command("video-mme", tmp_path, "--choice", "likelihood", "--json", "-q")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["part"] == "videomme.jsonl, by likelihood"
    assert report["with media"]["scores"]["clear answers"] == 100.0


def test_hallucination_is_measured_on_photos_alone(command, photo_folder):
    result = command("hallucination", photo_folder, "--limit", "8", "--frames", "2", "--json")
    assert result.exit_code == 0, result.output
    scores = json.loads(result.stdout)["with media"]["scores"]
    assert next(iter(scores)) == "invented"
    assert "invented, black video" in scores
