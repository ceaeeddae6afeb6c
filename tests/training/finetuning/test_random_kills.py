"""Runs of stage `finetune` that SIGKILL ends at random moments, again and again.

VIDEOLLAMA_KILLS=20 python -m pytest --log-cli-level=INFO FILE
"""

import logging
import multiprocessing
import os
import random
import time

import pytest
import torch
from safetensors.torch import load_file

from tests.training.test_run import losses
from videollama.training.run import train

KILLS = int(os.environ.get("VIDEOLLAMA_KILLS", "2"))

pytestmark = pytest.mark.end_to_end


@pytest.mark.parametrize("lora", [{}, {"lora__rank": 2}], ids=["frozen", "lora"])
def test_whenever_it_is_killed_a_run_goes_on_with_the_very_same_losses(
    tmp_path, own_folder, make_finetune, lines, lora
):
    recipe = make_finetune(
        **lora,
        training__max_steps=8,
        training__ema_decay=0.9,
        training__early_stop_patience=99,
        training__validate_every=3,
    )
    train(recipe, own_folder, tmp_path / "whole", report=lines)
    start = time.monotonic()
    train(recipe, own_folder, tmp_path / "timed", report=lines)
    longest = time.monotonic() - start
    chance, kills, runs = random.Random(0), 0, 0
    while kills < KILLS or not runs:
        out = tmp_path / f"killed-{runs}"
        child = multiprocessing.get_context("fork").Process(
            target=train, args=(recipe, own_folder, out), kwargs={"resume": True, "report": lines}
        )
        child.start()
        child.join(chance.uniform(0, longest) if kills < KILLS else None)
        if child.is_alive():
            child.kill()
            child.join()
            kills += 1
            logging.getLogger(__name__).info("kill %d, of %s", kills, out.name)
            continue
        assert child.exitcode == 0
        runs += 1
        assert losses(out) == losses(tmp_path / "whole")
        once = load_file(tmp_path / "whole" / "weights.safetensors")
        twice = load_file(out / "weights.safetensors")
        assert all(torch.equal(tensor, twice[name]) for name, tensor in once.items())
