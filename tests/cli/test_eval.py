import json

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from videollama.cli.eval import evaluate
from videollama.errors import DataError, InputError

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
    assert report["with media"]["answers"] == report["blind"]["answers"] == 6
    assert report["blind"]["broken"] == 0


def test_the_table_has_a_column_for_the_blind_and_the_split_is_told(command, photo_folder):
    (photo_folder / "images" / "3.png").write_bytes(b"not a picture")
    result = command("captions", photo_folder, "--blind")
    assert "captions: 6 questions, split test" in result.stderr
    assert "with media" in result.stdout
    assert "blind" in result.stdout
    assert "CIDEr-D" in result.stdout
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
    for task in ("captions", "sounds", "order", "yesno"):
        assert task in help_text
