"""How large the next batch is, from what the last ones took."""

from __future__ import annotations

from lifecycle.engine.pace import Pace


def test_it_begins_with_a_millisecond_for_each() -> None:
    """50 fit into 50 ms, 500 into half a second; but never more than is configured."""
    assert [Pace(500, seconds).size for seconds in (0.05, 0.5, 5.0)] == [50, 500, 500]


def test_it_shrinks_at_once() -> None:
    """50 roots took 200 ms where 50 ms are allowed: 12 fit. Slower still, it stays at 10."""
    pace = Pace(500, 0.05)
    pace.took(50, 0.2)
    assert pace.size == 12
    pace.took(12, 12.0)
    assert pace.size == 10


def test_it_grows_by_half() -> None:
    """From 62, where a root takes 1/4096 s and 1/16 s is allowed: 94, 142, 214, then the 256 that fit."""
    pace, sizes = Pace(500, 0.0625), []
    for _ in range(5):
        sizes.append(pace.size)
        pace.took(pace.size, pace.size / 4096)
    assert sizes == [62, 94, 142, 214, 256]


def test_it_never_exceeds_what_is_configured() -> None:
    """With `batch: 2` it is 2, however fast they are."""
    pace = Pace(2, 0.05)
    pace.took(2, 0.0)
    assert pace.size == 2


def test_a_few_roots_say_nothing() -> None:
    """A batch of 3 took 30 ms, most of it the commit: no reason to take fewer than 50 of a backlog."""
    pace = Pace(500, 0.05)
    pace.took(3, 0.03)
    assert pace.size == 50
