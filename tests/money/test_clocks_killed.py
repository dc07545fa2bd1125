"""`kill -9` at every commit of an advance: whoever advances the clock again writes the history of an undisturbed one.

Everyday's run takes every seventeenth point, from the first at which a message is in hand, on one of the databases;
`make torture` takes all.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.threads import wait_until
from tests.forking import forker
from tests.money import dying_on_a_clock
from tests.money.desk import Desk
from tests.money.shop import Shop
from tests.money.test_kills import is_still_open
from tests.torture.size import SIZE
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled
TO = "2026-04-05"


def test_killed_at_every_commit(shop: Shop, url: str, tmp_path: Path) -> None:
    """X83, X84: the account renews on 28 February, is declined on 31 March, and the retry of 3 April is, too. The
    clock stands where it was reached, and is free after a minute."""
    desk, (number, step) = Desk(shop, tmp_path), (1, 1) if SIZE.is_long else (12, 17)
    _account(desk, "whole")
    desk.clocks.advance("whole", TO)
    history, point = desk.told("whole"), ""
    assert [(day[:10], event) for day, _, event, _ in history if event in ("charged", "declined")] == [
        ("2026-01-31", "charged"),
        ("2026-02-28", "charged"),
        ("2026-03-31", "declined"),
        ("2026-04-03", "declined"),
    ]
    with forker(dying_on_a_clock.__name__, url, str(tmp_path)) as lives:
        while point != "the end":
            _account(desk, name := f"killed-{number}")
            lives.tell(f"advance {number} {name} {TO}")
            point, became = lives.hear(), lives.hear()
            assert became == ("done" if point == "the end" else "killed")
            wait_until(lambda: desk.lifecycle.database.is_sqlite or not is_still_open(shop))
            desk.real.move_to(desk.real.now() + timedelta(minutes=1))
            desk.clocks.advance(name, TO)
            assert desk.told(name) == history, (number, point)
            assert desk.charged(name) == desk.charged("whole"), (number, point)
            number += step
    assert number > 40
    assert desk.wrong() == []
    desk.close()


def _account(desk: Desk, name: str) -> None:
    """A customer since 31 January on a clock of the same name, whose card is good for two charges."""
    desk.clocks.create(name, utc("2026-01-31 09:00"))
    desk.bought(name, clock=name, card="declines_after:2")
