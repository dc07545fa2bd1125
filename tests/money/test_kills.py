"""`kill -9` at every commit, of the store and of the gateway, and around every call of the gateway: whoever comes after
finishes what was begun, once.

Everyday's run takes every thirteenth point on SQLite and every seventeenth on PostgreSQL, where a new process takes
longer; `make torture` takes all, and each of them twice.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from tests.contract.threads import wait_until
from tests.forking import Forker, forker
from tests.money import dying
from tests.money.shop import START, Shop
from tests.torture.size import SIZE
from tests.unit.machine_world import utc

FIRST = utc(START)
APART = timedelta(days=100)
"""From one life to the next: by then nothing of the first is left to happen."""
LEASE_OVER = timedelta(seconds=61)
KEY_FORGOTTEN = timedelta(days=2)
POINTS = {
    *(f"{whose} commit: {when}" for whose in ("store", "sandbox") for when in ("before", "after")),
    *(f"charge: {when}" for when in ("called", "before", "taken", "answered")),
    *(f"refund: {when}" for when in ("called", "before", "taken", "answered")),
}


def test_killed_at_every_point(shop: Shop, url: str, tmp_path: Path) -> None:
    """The next process comes as soon as what was handed over is free again, or two days later, when the gateway has
    forgotten its keys. No money is taken twice or for nothing, none is lost, and no number is missing."""
    number, step = (1, 19) if shop.lifecycle.database.is_sqlite else (3, 23)
    if SIZE.is_long:
        number, step = 1, 1
    points, life, is_over = Counter[str](), 0, False
    with forker(dying.__name__, url, str(tmp_path)) as lives:
        while not is_over:
            for delay in (LEASE_OVER, KEY_FORGOTTEN) if SIZE.is_long else ((LEASE_OVER, KEY_FORGOTTEN)[life % 2],):
                life += 1
                died = _live(lives, shop, number, life)
                is_over = died is None
                if died is not None:
                    at, point = died
                    points[point] += 1
                    assert lives.ask(f"finish {_name(life)} {(at + delay).isoformat()}") == "done", point
                    judge(shop, _name(life), point)
            number += step
    shop.clock.move_to(FIRST + (life + 1) * APART)
    shop.catch_up()
    shop.check()
    assert points.total() >= 80 // step
    assert {"store commit: before", "store commit: after"} <= points.keys()
    assert not SIZE.is_long or points.keys() == POINTS


def _live(lives: Forker, shop: Shop, number: int, life: int) -> tuple[datetime, str] | None:
    """When and where a life has ended; None where it lasted to the end of the story."""
    lives.tell(f"live {number} {_name(life)} {(FIRST + life * APART).isoformat()}")
    said, became = lives.hear(), lives.hear()
    if said == "the end":
        assert became == "done"
        return None
    assert became == "killed", said
    wait_until(lambda: shop.lifecycle.database.is_sqlite or not is_still_open(shop))
    at, _, point = said.partition(" ")
    return datetime.fromisoformat(at), point


def judge(shop: Shop, account: str, point: str) -> None:
    """What the gateway keeps is what the paid invoices say, each of them paid once, and nothing waits any more."""
    if not shop.knows(account):
        return
    moved = [row for row in shop.till.ledger(shop.lifecycle.accounts.get(account).id) if row.status == "succeeded"]
    taken = [(row.invoice, row.amount) for row in moved if row.kind == "charge"]
    invoices, notes = shop.invoices(account), shop.lifecycle.invoices.credit_notes(account=account)
    assert sorted(taken) == sorted((one.id, one.due) for one in invoices), (point, invoices)
    assert sum(row.amount for row in moved if row.kind == "refund") == sum(one.due for one in notes), (point, notes)
    assert (len(notes), shop.balance(account)) == (bool(invoices), 0), point
    assert {one.status for one in invoices} <= {"paid"}, point
    assert {*shop.states(account, "order")} <= {"completed"}, point
    assert len(shop.lifecycle.subscriptions.list(account=account)) == bool(invoices), point
    waiting = [one for one in shop.lifecycle.outbox.list() if one.status != "delivered"]
    assert waiting == [], point


def _name(life: int) -> str:
    return f"account-{life}"


def is_still_open(shop: Shop) -> bool:
    """Whether PostgreSQL has not yet noticed that the process is dead."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
    with shop.lifecycle.database.reading() as connection:
        return bool(connection.scalar(text(query)) != 1)
