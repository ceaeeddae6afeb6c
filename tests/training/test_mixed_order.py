import pytest

from videollama.errors import DataError
from videollama.training.mixed_order import MixedOrder


def test_the_ratio_is_kept_exactly():
    order = MixedOrder([1000, 300], [100, 24], seed=0)
    for period in range(3):
        sources = [source for source, _ in order.take(124 * period, 124)]
        assert (sources.count(0), sources.count(1)) == (100, 24)
    assert sources[:100] != [0] * 100


def test_every_sample_of_a_set_comes_once_before_any_comes_again():
    order = MixedOrder([6, 4, 2], [1, 1, 1], seed=5)
    places = order.take(0, 36)
    for source, count in enumerate((6, 4, 2)):
        own = [sample for which, sample in places if which == source]
        assert len(own) == 12
        for first in range(0, 12, count):
            assert sorted(own[first : first + count]) == list(range(count))


def test_the_sequence_can_be_entered_anywhere():
    whole = MixedOrder([7, 5], [3, 2], seed=1).take(0, 60)
    assert MixedOrder([7, 5], [3, 2], seed=1).take(17, 43) == whole[17:]
    assert MixedOrder([7, 5], [3, 2], seed=2).take(0, 60) != whole


def test_two_sets_of_one_size_are_shuffled_differently():
    places = MixedOrder([50, 50], [1, 1], seed=0).take(0, 100)
    first, second = ([sample for which, sample in places if which == own] for own in (0, 1))
    assert first != second


@pytest.mark.parametrize(
    ("counts", "ratio", "sentence"),
    [
        ([5, 5], [1], "the ratio 1 needs one whole number above 0 for each of 2 data sets"),
        ([5, 5], [1, 0], "the ratio 1:0 needs one whole number above 0"),
        ([5, 0], [1, 1], "data set 2 holds no samples"),
    ],
)
def test_a_ratio_that_does_not_fit_is_refused(counts, ratio, sentence):
    with pytest.raises(DataError, match=sentence):
        MixedOrder(counts, ratio, seed=0)
