"""What the documents say is true: shapes, code blocks, commands, links, pages of the command."""

import re
import shlex
from pathlib import Path

import pytest
import torch
import typer

from scripts.write_cli_pages import pages
from tests.synthetic import write_clip, write_picture, write_sound
from videollama.cli.main import app
from videollama.inference.messages import question_message
from videollama.media.decode import read_clip
from videollama.media.frame_sampling import FrameSampling

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [
    ROOT / "README.md",
    ROOT / "docs" / "README.zh.md",
    ROOT / "docs" / "quickstart.md",
    ROOT / "docs" / "engine.md",
]


def shapes_in_architecture() -> dict[str, str]:
    """Last word in code font of each row of the table of shapes, and the row's shape."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.split("## Shapes")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| \((.+)\) \|$", table, flags=re.MULTILINE)
    shapes = {}
    for step, tensor, shape in rows:
        names = (
            re.findall(r"`(\w+)`", tensor) if step == "processor" else re.findall(r"`(\w+)`", step)
        )
        shapes |= dict.fromkeys(names, shape)
    return shapes


@pytest.fixture(scope="module", params=[(1, 3), (2, 5)], ids=["one clip", "two clips"])
def tensors_and_letters(request, assistant, tmp_path_factory):
    """Every tensor of a question about some clips with some frames, and what the letters mean."""
    num_clips, num_frames = request.param
    folder = tmp_path_factory.mktemp("shapes")
    sampling = FrameSampling(num_frames=num_frames)
    clips = [
        read_clip(write_clip(folder / f"{number}.mp4", seconds=2.5 * num_clips), sampling)
        for number in range(num_clips)
    ]
    model, config = assistant.model, assistant.model.config
    conversations = [[question_message("What?", clips)], [question_message("Why so?", [])]]
    tensors = dict(assistant.processor(conversations, clips=clips))
    with torch.no_grad():
        tensors["encode_frames"] = model.encode_frames(tensors["pixel_values"])
        video = model.encode_video(tensors["encode_frames"], tensors["pixel_mask"])
        tensors["encode_segments"] = model.encode_segments(tensors["audio_values"])
        audio = model.encode_audio(tensors["encode_segments"], tensors["audio_mask"])
        tensors |= {"encode_video": video, "encode_audio": audio}
        prompt = {"video_embeds": video, "audio_embeds": audio}
        tensors["embed_prompt"] = model.embed_prompt(tensors["input_ids"], **prompt)
        tensors["forward"] = model(
            input_ids=tensors["input_ids"], attention_mask=tensors["attention_mask"], **prompt
        ).logits
    size = config.vision_config.image_size
    letters = {"B": 2, "L": tensors["input_ids"].shape[1], "N": num_clips, "M": num_clips}
    letters |= {"T": num_frames, "C": 3, "H": size, "W": size, "P": config.num_patches}
    letters |= {"S": 2 if num_clips == 1 else 3, "Dv": config.vision_config.hidden_size}
    letters |= {"Da": config.audio_config.hidden_size, "D": config.text_config.hidden_size}
    letters |= {"Qv": config.num_video_query_tokens, "Qa": config.num_audio_query_tokens}
    letters["vocabulary"] = config.text_config.vocab_size
    return tensors, letters


@pytest.mark.parametrize("name", shapes_in_architecture())
def test_a_shape_is_what_the_architecture_says(tensors_and_letters, name):
    tensors, letters = tensors_and_letters
    words = shapes_in_architecture()[name].split(", ")
    expected = tuple(int(word) if word.isdigit() else letters[word] for word in words)
    assert tuple(tensors[name].shape) == expected


def test_the_table_names_every_tensor_of_the_processor(assistant):
    assert set(assistant.processor.model_input_names) <= set(shapes_in_architecture())


@pytest.mark.parametrize("document", GUIDES, ids=lambda path: path.name)
def test_the_python_blocks_run(document, assistant, monkeypatch, tmp_path, capsys):
    from videollama.inference.engine import VideoLlama

    monkeypatch.setattr(VideoLlama, "load", lambda *_: assistant)
    monkeypatch.chdir(tmp_path)
    for name in ("clip.mp4", "a.mp4", "b.mp4"):
        write_clip(tmp_path / name, seconds=0.5)
    blocks = re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(document), "exec"), names)
    assert capsys.readouterr().out


def commands_in(document: Path) -> list[str]:
    """The indented lines of a document that call the command."""
    text = document.read_text(encoding="utf-8")
    return re.findall(r"^ {4}(videollama .+?)(?: {2,}#.*)?$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("line", [line for guide in GUIDES for line in commands_in(guide)])
def test_a_command_in_a_guide_is_one_that_exists(line):
    _, verb, *words = shlex.split(line)
    command = typer.main.get_command(app).commands[verb]
    while getattr(command, "commands", None):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_the_examples_in_the_quickstart_give_answers(loaded_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photo.jpg", "rain.wav"):
        (write_picture if name.endswith("jpg") else write_sound)(tmp_path / name)
    for name in ("clip.mp4", "film.mkv"):
        write_clip(tmp_path / name, seconds=0.5)
    for line in commands_in(ROOT / "docs" / "quickstart.md"):
        if line.startswith("videollama ask") and "--model" not in line and "film" not in line:
            shown = loaded_command(*shlex.split(line)[1:], "--max-new-tokens", 1)
            assert shown.code == 0, shown.err


@pytest.fixture
def loaded_command(monkeypatch, assistant, capsys):
    """The command with the tiny assistant in place of the built-in model."""
    from tests.cli.command import videollama
    from videollama.inference.engine import VideoLlama

    monkeypatch.setattr(VideoLlama, "load", lambda *_, **__: assistant)
    return lambda *words: videollama(capsys, *words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [
        link
        for link in links
        if not link.startswith("http") and not (document.parent / link).exists()
    ]
    assert missing == []


def test_the_pages_of_the_command_are_fresh():
    folder = ROOT / "docs" / "cli"
    written = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    assert written == pages(), "run: make docs"


def test_the_changelog_knows_the_version():
    import videollama

    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in text or f"## {videollama.__version__}" in text
