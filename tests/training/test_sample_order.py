from videollama.training.sample_order import SampleOrder


def test_every_sample_comes_once_per_pass():
    order = SampleOrder(7, seed=3)
    passes = [order.take(7 * number, 7) for number in range(3)]
    assert all(sorted(samples) == list(range(7)) for samples in passes)
    assert passes[0] != passes[1]


def test_the_sequence_can_be_entered_anywhere():
    whole = SampleOrder(5, seed=1).take(0, 23)
    assert SampleOrder(5, seed=1).take(11, 12) == whole[11:]
    assert SampleOrder(5, seed=2).take(0, 23) != whole
