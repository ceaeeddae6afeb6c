"""Two processes of torchrun, with gloo on the CPU, against one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.finetuning.conftest import small_finetune
from tests.training.test_run import losses
from videollama.training.checkpointing import checkpoints
from videollama.training.recipe_file import check_recipe
from videollama.training.run import train

pytestmark = pytest.mark.end_to_end
STOPPED = {"training__max_minutes": 1e-9}  # after one step, with a checkpoint
LONG = {"training__max_minutes": 9.0}
FLOAT16 = {"training__precision": "float16"}
TWO_BATCHES = {"training__gradient_accumulation": 2}  # a step takes, in one process


@pytest.fixture(scope="module")
def folder(tmp_path_factory, own_folder, model_folder):
    """Runs of one process and of two; whichever goes on with one of the other."""
    folder = tmp_path_factory.mktemp("runs")

    def content(**changes):
        return small_finetune(model_folder, folder / "cache", **changes)

    def alone(name, **changes):
        recipe = check_recipe(content(**changes), "test")
        train(recipe, own_folder, folder / name, resume=True, report=lambda line: None)

    alone("alone", **TWO_BATCHES)
    alone("one-then-two", **TWO_BATCHES, **STOPPED)
    alone("odd", **STOPPED)
    alone("float16", **TWO_BATCHES, **FLOAT16)
    runs = [
        (content(), "two"),
        (content(training__fsdp=True), "fsdp"),
        (content(training__fsdp=True, **STOPPED), "fsdp-stopped"),
        (content(training__fsdp=True, **LONG), "fsdp-stopped"),
        (content(training__fsdp=True, **STOPPED), "fsdp-then-one"),
        (content(**TWO_BATCHES, **LONG), "one-then-two"),
        (content(**LONG), "odd"),
        (content(**FLOAT16), "two-float16"),
        (content(training__fsdp=True, **FLOAT16), "fsdp-float16"),
    ]
    file = folder / "runs.json"
    file.write_text(json.dumps([(c, str(own_folder), str(folder / name)) for c, name in runs]))
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    subprocess.run([*command, script, file], check=True, timeout=300)
    alone("fsdp-then-one", **LONG)
    return folder


@pytest.mark.parametrize("name", ["two", "fsdp", "fsdp-stopped", "fsdp-then-one", "one-then-two"])
def test_the_losses_and_the_result_are_those_of_one_process(folder, name):
    assert losses(folder / name) == pytest.approx(losses(folder / "alone"), rel=0, abs=1e-6)
    assert len(losses(folder / name)) == 4
    once = load_file(folder / "alone" / "weights.safetensors")
    twice = load_file(folder / name / "weights.safetensors")
    assert once.keys() == twice.keys()
    for key, tensor in once.items():
        torch.testing.assert_close(twice[key], tensor, atol=1e-4, rtol=0)  # AdamW: a step is 1e-3


@pytest.mark.parametrize("name", ["two-float16", "fsdp-float16"])
def test_in_float16_too(folder, name):
    assert losses(folder / name) == pytest.approx(losses(folder / "float16"), rel=0, abs=1e-3)
    assert len(losses(folder / name)) == 4


def test_only_one_process_writes(folder):
    entries = [json.loads(line) for line in (folder / "two" / "log.jsonl").read_text().splitlines()]
    assert [e["step"] for e in entries if e["kind"] == "validation"] == [0, 2, 4]
    assert [e["step"] for e in entries if e["kind"] == "train"] == [1, 2, 3, 4]
    assert [path.name for path in checkpoints(folder / "two")] == ["checkpoint-2", "checkpoint-4"]
    one, two = (
        {str(file.relative_to(folder / name)) for file in (folder / name).rglob("*")}
        for name in ("alone", "two")
    )
    assert two - one == {"told.txt"}
    told = (folder / "two" / "told.txt").read_text().splitlines()
    assert len([line for line in told if line.startswith("step 4 of 4")]) == 1


def test_batches_that_cannot_be_shared_are_refused(folder):
    assert (
        "takes 1 batches, which 2 processes cannot share equally"
        in (folder / "odd" / "told.txt").read_text()
    )
