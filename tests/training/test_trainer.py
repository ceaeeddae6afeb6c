import pytest

from videollama.training.arguments import rate_share
from videollama.training.checkpointing import checkpoints
from videollama.training.recipe import TrainingSection


def test_the_rate_warms_up_and_falls_along_a_cosine():
    options = TrainingSection(
        max_steps=100, batch_size=1, learning_rate=1.0, warmup_steps=10, final_share=0.1
    )
    rates = [rate_share(step, 100, options) for step in range(101)]
    assert rates[0] == pytest.approx(0.1, abs=0.01)
    assert max(rates) == rates[9]
    assert rates[50] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)


def test_checkpoints_are_in_the_order_of_their_steps(tmp_path):
    for name in ("checkpoint-100", "checkpoint-20", ".draft", "checkpoint-old"):
        (tmp_path / name).mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-20", "checkpoint-100"]
