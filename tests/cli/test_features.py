import json
import re

import pytest
import yaml

from tests.cli.command import videollama
from tests.training.conftest import lines, one_thread  # noqa: F401
from tests.training.finetuning.conftest import *  # noqa: F403


@pytest.fixture
def recipe_file(tmp_path, make_finetune):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(make_finetune().model_dump()))
    return file


def test_parts_are_built_and_told(capsys, own_folder, recipe_file):
    command = ("features", "build", recipe_file, "--data", own_folder)
    shown = videollama(capsys, *command, "--part", "2/2")
    assert shown.code == 0
    assert shown.out.endswith(": 2 of 2 files are kept, 2 of them new; 0 are broken.\n")
    assert "features: 2 of 2 files to encode, kept in" in shown.err
    shown = videollama(capsys, *command, "--json", "--quiet")
    built = json.loads(shown.out)
    assert (built["files"], built["kept"], built["encoded"], built["broken"]) == (5, 2, 3, {})
    assert shown.err == ""


def test_a_dry_run_tells_what_it_takes(capsys, own_folder, recipe_file):
    command = ("features", "build", recipe_file, "--data", own_folder, "--dry-run")
    assert (
        "5 files, 0 kept before; the others take about 0.00 GB and"
        in videollama(capsys, *command).out
    )
    command = ("train", recipe_file, "--data", own_folder, "--dry-run", "--peak-tflops", "100")
    shown = videollama(capsys, *command)
    assert "time: steps" in shown.out
    assert "at 40% of 100 TFLOP/s; an estimate" in shown.out
    _, told = shown.out.split("if that is too much:\n")
    first, second = told.splitlines()[:2]
    assert re.fullmatch(r"  training\.\S+=\S+.* \(\d+\.\d GB less\)", first)
    assert "GB less" in second


@pytest.mark.parametrize("part", ["3/2", "0/2", "2", "a/b"])
def test_a_part_that_is_none_is_one_sentence(capsys, recipe_file, part):
    shown = videollama(capsys, "features", "build", recipe_file, "--part", part)
    assert shown.code == 2
    assert shown.err.startswith(f"--part is {part!r}, which is no part of a whole")
