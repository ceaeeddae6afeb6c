import torch

from videollama.training.best_weights import BestWeights


def weights(value):
    return lambda: {"w": torch.full((1,), float(value))}


def test_patience_ends_after_so_many_validations_without_a_lower_loss(tmp_path):
    best = BestWeights(2)
    for step, loss in enumerate([3.0, 2.0, 2.5]):
        best.see(step, loss, weights(step))
    assert not best.is_over
    best.save(tmp_path)

    later = BestWeights(2)
    later.load(tmp_path)
    later.see(2, 2.5, weights(2))  # the same validation again
    assert not later.is_over
    later.see(3, 2.0, weights(3))
    assert later.is_over
    assert (later.step, later.loss, later.tensors["w"].item()) == (1, 2.0, 1.0)


def test_a_loss_that_falls_again_renews_the_patience():
    best = BestWeights(1)
    best.see(0, 2.0, weights(0))
    best.see(1, 1.0, weights(1))
    assert not best.is_over
    assert best.step == 1
