"""Whole runs on files of one's own."""

import json
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.test_run import Killed, losses, parts_in
from videollama.checkpoints.load import load_model
from videollama.errors import CheckpointError, DataError, RecipeError
from videollama.training.finetuning.prompted_answers import PromptedAnswers
from videollama.training.finetuning.trainable_model import load_trainable, trained_parts
from videollama.training.run import train
from videollama.training.stages import PICTURE_PARTS, SOUND_PARTS, belongs_to
from videollama.training.trainer import ObjectiveTrainer


def test_a_run_ends_in_a_model_that_loads_and_nothing_else_has_changed(
    tmp_path, own_folder, make_finetune, tiny_model, lines
):
    recipe = make_finetune(model__branch="video")
    finished = train(recipe, own_folder, tmp_path / "run", report=lines)
    assert (finished.steps, finished.num_broken) == (4, 0)
    assert parts_in(finished.weights) == set(PICTURE_PARTS)
    assert any(line.startswith("validation after step 0: loss ") for line in lines)
    model, _ = load_model(finished.model, device="cpu")
    before = tiny_model.state_dict()
    for name, tensor in model.state_dict().items():
        if not belongs_to(name, PICTURE_PARTS):
            assert torch.equal(tensor, before[name]), name
    name = "video_projection.weight"
    assert torch.equal(model.state_dict()[name], load_file(finished.weights)[name])
    assert not torch.equal(model.state_dict()[name], before[name])
    note = json.loads((tmp_path / "run" / "run.json").read_text())
    assert note["samples"] == {own_folder.name: 5, "held out": 1}
    held_out = json.loads((tmp_path / "run" / "held_out.jsonl").read_text())
    assert held_out["conversations"][1]["value"] == "A square."


@pytest.mark.parametrize("frames", ["uniform", "headtail"])
def test_a_killed_run_goes_on_with_the_very_same_losses(
    tmp_path, own_folder, make_finetune, lines, monkeypatch, frames
):
    recipe = make_finetune(samples__frames=frames, training__max_steps=5)
    finished = train(recipe, own_folder, tmp_path / "whole", report=lines)
    assert parts_in(finished.weights) == {*PICTURE_PARTS, *SOUND_PARTS}
    step = ObjectiveTrainer.training_step

    def killed_in_step_4(trainer, *args, **kwargs):
        if trainer.state.global_step == 3:
            raise Killed
        return step(trainer, *args, **kwargs)

    monkeypatch.setattr(ObjectiveTrainer, "training_step", killed_in_step_4)
    with pytest.raises(Killed):
        train(recipe, own_folder, tmp_path / "parts", report=lines)
    monkeypatch.undo()
    train(recipe, own_folder, tmp_path / "parts", resume=True, report=lines)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


@pytest.mark.parametrize("kept", [True, False])
def test_unreadable_files_are_named_and_skipped_up_to_the_limit(
    tmp_path, own_folder, make_finetune, lines, kept
):
    rows = (own_folder / "questions.csv").read_text()
    for file in own_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "f.mp4").write_bytes(b"no video")
    (tmp_path / "questions.csv").write_text(
        f"{rows}f.mp4,What?,This.,train\nno.mp4,What?,It.,train\n"
    )
    recipe = make_finetune(data__keep_features=kept, training__max_steps=1)
    finished = train(recipe, tmp_path, tmp_path / "run", report=lines)
    assert finished.num_broken == 2
    broken = json.loads((tmp_path / "run" / "run.json").read_text())["broken_samples"]
    assert list(broken) == ["questions.csv, line 8", "questions.csv, line 9"]
    strict = make_finetune(data__keep_features=kept, data__max_broken=1)
    with pytest.raises(
        DataError, match=r"2 training samples are broken, more than data\.max_broken"
    ):
        train(strict, tmp_path, tmp_path / "strict", report=lines)


def test_a_model_of_single_questions_learns_conversations(
    tmp_path, own_folder, make_finetune, model_folder, lines
):
    folder, data = tmp_path / "model", tmp_path / "data"
    shutil.copytree(model_folder, folder)
    shutil.copytree(own_folder, data)
    for file in (folder / "config.json", folder / "processor_config.json"):
        content = json.loads(file.read_text())
        content.get("config", content)["multi_turn"] = False
        file.write_text(json.dumps(content))
    conversation = {
        "video": "a.mp4",
        "conversations": [
            {"from": who, "value": words}
            for who, words in (
                ("human", "<video>What moves?"),
                ("gpt", "A square."),
                ("human", "Where to?"),
                ("gpt", "Right."),
            )
        ],
    }
    (data / "conversations.json").write_text(json.dumps([conversation]))
    for table, learned in (("questions.csv", False), ("conversations.json", True)):
        recipe = make_finetune(
            model__load=str(folder),
            data__sources=[{"path": table}],
            data__validation=[{"path": "questions.csv"}] if learned else [],
            training__max_steps=1,
        )
        finished = train(recipe, data, tmp_path / table.partition(".")[0], report=lines)
        model, processor = load_model(finished.model, device="cpu")
        assert model.config.multi_turn is processor.config.multi_turn is learned


def test_bfloat16_holds_only_the_decoder_in_half(tmp_path, own_folder, make_finetune, lines):
    recipe = make_finetune(training__precision="bfloat16", training__max_steps=1)
    finished = train(recipe, own_folder, tmp_path / "run", report=lines)
    assert {tensor.dtype for tensor in load_file(finished.weights).values()} == {torch.float32}


def test_another_decoder_takes_the_place_of_the_loaded_one(
    tmp_path, own_folder, make_finetune, tiny_model, tiny_tokenizer, lines
):
    decoder = tmp_path / "decoder"
    tiny_model.language_model.save_pretrained(decoder)
    tiny_tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}"
    )
    tiny_tokenizer.save_pretrained(decoder)
    tiny_tokenizer.chat_template = None
    changes = {"model__decoder": str(decoder), "training__max_steps": 1}
    with pytest.raises(RecipeError, match=r"model\.decoder replaces .* model\.new_branch=true"):
        train(make_finetune(**changes), own_folder, tmp_path / "bad", report=lines)
    recipe = make_finetune(**changes, model__new_branch=True)
    finished = train(recipe, own_folder, tmp_path / "run", report=lines)
    _, processor = load_model(finished.model, device="cpu")
    assert processor.prompt_template == "tokenizer"


def test_what_a_model_does_not_have_is_one_sentence(tmp_path, own_folder, make_finetune, lines):
    for changes, error, told in (
        ({"model__decoder": "nowhere"}, CheckpointError, "is no folder with a language model"),
        ({"model__decoder": "7B"}, RecipeError, "a size that --dry-run knows"),
        ({"samples__sound": "none"}, RecipeError, "nothing would be heard"),
        ({"samples__sound": "frames"}, RecipeError, r"model\.branch is both; use audio"),
        (
            {"samples__sound": "frames", "model__branch": "audio"},
            RecipeError,
            "no ImageBind vision trunk",
        ),
    ):
        with pytest.raises(error, match=told):
            train(make_finetune(**changes), own_folder, tmp_path / "run", report=lines)


def test_a_loss_that_is_no_number_ends_the_run_and_names_its_samples(
    tmp_path, own_folder, make_finetune, lines, monkeypatch
):
    forward = PromptedAnswers.forward

    def mad(objective, **batch):
        numbers = forward(objective, **batch)
        return {**numbers, "loss": numbers["loss"] * float("nan")}

    recipe = make_finetune()
    monkeypatch.setattr(PromptedAnswers, "forward", mad)
    with pytest.raises(DataError, match=r"The loss is nan at step 1; .*bad_batch\.json"):
        train(recipe, own_folder, tmp_path / "mad", report=lines)
    bad = json.loads((tmp_path / "mad" / "bad_batch.json").read_text())
    assert (bad["step"], len(bad["samples"])) == (1, 2)
    assert all(name.startswith("questions.csv, line ") for name in bad["samples"])


def test_memory_that_is_used_up_is_one_sentence_with_what_helps(
    tmp_path, own_folder, make_finetune, lines, monkeypatch
):
    def full(objective, **batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(PromptedAnswers, "forward", full)
    told = (
        r"^Memory is used up: this takes about \d+\.\d GB; begin in another --out with "
        r"training\.precision=bfloat16 \(\d+\.\d GB less\) or "
        r"training\.batch_size=1 training\.gradient_accumulation=2 \(\d+\.\d GB less\)\.$"
    )
    with pytest.raises(RecipeError, match=told):
        train(make_finetune(), own_folder, tmp_path / "run", report=lines)


def test_held_out_questions_are_answered_now_and_then_with_their_frames(
    tmp_path, own_folder, make_finetune, lines
):
    recipe = make_finetune(training__sample_every=2, training__report_to=["tensorboard"])
    train(recipe, own_folder, tmp_path / "run", report=lines)
    folder = tmp_path / "run" / "samples"
    told = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in told] == [2, 4]
    assert told[0]["question"] == "What moves?"
    assert told[0]["wanted"] == "A square."
    with Image.open(folder / "step-000002.png") as picture:
        assert picture.width > 500
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4]
    assert [event.step for event in events.Scalars("eval/loss")] == [0, 2, 4]
    assert [event.step for event in events.Images("samples")] == [2, 4]


def test_a_reporter_that_is_not_installed_is_one_sentence(
    tmp_path, own_folder, make_finetune, lines, monkeypatch
):
    monkeypatch.setattr("videollama.training.trackers.find_spec", lambda name: None)
    recipe = make_finetune(training__report_to=["tensorboard"])
    with pytest.raises(RecipeError, match=r"pip install 'videollama\[tensorboard\]'"):
        train(recipe, own_folder, tmp_path / "run", report=lines)


@pytest.fixture
def beginnings(monkeypatch):
    """Lengths of what was read before the prompts of a batch."""
    lengths = []
    read = PromptedAnswers._read_before

    def noted(objective, input_ids):
        lengths.append(input_ids.shape[1])
        return read(objective, input_ids)

    monkeypatch.setattr(PromptedAnswers, "_read_before", noted)
    return lengths


def test_a_beginning_that_is_read_once_teaches_the_same(
    tmp_path, own_folder, make_finetune, lines, monkeypatch, beginnings
):
    train(make_finetune(), own_folder, tmp_path / "once", report=lines)
    assert min(beginnings) > 10  # the system's words
    monkeypatch.setattr(PromptedAnswers, "_num_common", lambda *_: 0)
    train(make_finetune(), own_folder, tmp_path / "whole", report=lines)
    once, whole = losses(tmp_path / "once"), losses(tmp_path / "whole")
    assert once == pytest.approx(whole, abs=1e-5)


def test_a_decoder_that_learns_reads_every_prompt_whole(
    tmp_path, own_folder, make_finetune, lines, beginnings
):
    for name, changes in (
        ("lora", {"lora__rank": 2}),
        ("again", {"training__gradient_checkpointing": True}),
    ):
        train(make_finetune(**changes), own_folder, tmp_path / name, report=lines)
    assert set(beginnings) == {0}


@pytest.mark.parametrize("lora", [{}, {"lora__rank": 2}])
def test_what_is_computed_twice_learns_the_same(tmp_path, own_folder, make_finetune, lines, lora):
    for name, again in (("kept", False), ("again", True)):
        recipe = make_finetune(**lora, training__gradient_checkpointing=again)
        train(recipe, own_folder, tmp_path / name, report=lines)
    assert losses(tmp_path / "again") == pytest.approx(losses(tmp_path / "kept"), abs=1e-6)


def test_layers_that_are_computed_twice_keep_less(own_folder, make_finetune):
    kept = []
    for again in (False, True):
        recipe = make_finetune(training__gradient_checkpointing=again)
        model, _ = load_trainable(recipe)
        objective = PromptedAnswers(model, trained_parts(recipe))
        objective.train()
        saved = 0

        def keep(tensor):
            nonlocal saved
            saved += tensor.nbytes
            return tensor

        words = torch.arange(6)[None]
        media = model.video_projection.weight.sum() * torch.ones(
            1, 4, model.video_projection.out_features
        )
        ids = words.clone()
        ids[0, :4] = model.config.video_token_id
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(input_ids=ids, video_embeds=media, use_cache=False).logits.sum().backward()
        kept.append(saved)
    assert kept[1] < 0.6 * kept[0]
