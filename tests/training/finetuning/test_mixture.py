from collections import Counter

from videollama.training.finetuning.mixture import Mixture


def test_sources_come_by_their_weights_and_every_sample_once_a_pass():
    mixture = Mixture([500, 20], [100, 24], seed=1)
    taken = mixture.take(0, 12_400)
    counts = Counter(source for source, _ in taken)
    assert abs(counts[0] - 10_000) <= 128
    first_pass = [place for source, place in taken if source == 0][:500]
    assert sorted(first_pass) == list(range(500))
    assert first_pass != sorted(first_pass)


def test_it_can_be_entered_anywhere_and_follows_from_the_seed():
    whole = Mixture([7, 5, 3], [1, 1, 1], seed=2).take(0, 1000)
    assert Mixture([7, 5, 3], [1, 1, 1], seed=2).take(900, 100) == whole[900:]
    assert Mixture([7, 5, 3], [1, 1, 1], seed=3).take(0, 1000) != whole


def test_a_source_of_next_to_no_weight_comes_now_and_then():
    taken = Mixture([10, 10], [1, 1000], seed=0).take(0, 128 * 80)
    assert 8 <= sum(source == 0 for source, _ in taken) <= 12
