import pytest

from videollama.media.clock import clock


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00.0"), (9.96, "0:10.0"), (65.34, "1:05.3"), (3665.3, "1:01:05.3")],
)
def test_times_are_shown_as_players_do(seconds, shown):
    assert clock(seconds) == shown
