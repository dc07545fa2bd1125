"""How large the next batch is, from what the last ones took."""

from __future__ import annotations

from lifecycle.engine.pace import Pace


def test_it_begins_small_and_grows_by_half() -> None:
    """50 at first; a root took 1/1024 s, and a quarter of a second is allowed: 76, 115, 173, then the 256 that fit."""
    pace = Pace(500, 0.25)
    sizes = []
    for _ in range(5):
        sizes.append(pace.size)
        pace.took(pace.size, pace.size / 1024)
    assert sizes == [50, 76, 115, 173, 256]


def test_it_shrinks_at_once() -> None:
    """50 roots took 200 ms where 50 ms are allowed: 12 fit. Slower still, it stays at 10."""
    pace = Pace(500, 0.05)
    pace.took(50, 0.2)
    assert pace.size == 12
    pace.took(12, 12.0)
    assert pace.size == 10


def test_it_never_exceeds_what_is_configured() -> None:
    """With `batch: 2` it is 2, however fast they are."""
    pace = Pace(2, 0.05)
    pace.took(2, 0.0)
    assert pace.size == 2


def test_a_few_roots_say_nothing() -> None:
    """A batch of 3 took 3 ms, most of it the commit: no reason to take fewer than 50 of a backlog."""
    pace = Pace(500, 0.05)
    pace.took(3, 0.03)
    assert pace.size == 50
