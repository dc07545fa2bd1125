"""Whatever single value about money is changed in a small shop, `verify` finds it; and in a shop that goes on selling
meanwhile it accuses nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Table, event
from structlog.testing import capture_logs

from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify import ledger_of, verify
from tests.contract.verify_flips import every_flip, steps
from tests.contract.verify_money_world import Shop
from tests.contract.verify_vandal import Vandal

pytestmark = pytest.mark.sampled(4)

WATCHED = {
    schema.ledger: [column.name for column in schema.ledger.c],
    schema.attempts: ["key", "kind", "instance_id", "account_id", "amount", "currency", "status"],
    schema.numbers: [column.name for column in schema.numbers.c],
    schema.series: [column.name for column in schema.series.c],
    schema.instances: ["closed", "owner_id", "live_key", "state"],
}


def small(url: str, folder: Path) -> Shop:
    """A purchase, more seats that the balance pays in part, a credit note with its refund, a decline, an open quote."""
    shop = Shop(url, folder)
    with capture_logs():
        buyer, refunded = shop.buy("buyer", "team"), shop.buy("refunded", "kept")
        shop.buy("dunned", "kept", card="declines_after:1")
        shop.lifecycle.balances.credit("buyer", 700, by="operator", reason="A present.")
        shop.on("2026-06-15 09:00")
        shop.lifecycle.subscriptions.add_seats(buyer, 2, by="buyer")
        shop.lifecycle.subscriptions.cancel(refunded, when="now", by="refunded")
        shop.on("2026-07-01 09:00")
        shop.lifecycle.quotes.add_seats(buyer, 1, by="buyer")
    return shop


@pytest.mark.parametrize("table", WATCHED, ids=lambda table: table.name)
def test_no_value_can_be_changed_unseen(database_url: str, tmp_path: Path, table: Table) -> None:
    """Every watched value of every row. On PostgreSQL, where the same code reads the same text, every fourth; of
    those everyday's runs see every third."""
    shop = small(database_url, tmp_path)
    shop.close()
    database, vandal = Database(database_url), Vandal(database_url, {})
    assert verify(database).findings == ()
    flips, unseen = every_flip(vandal, table, WATCHED[table]), []
    for flip in flips[:: steps(database)]:
        with flip.done_by(vandal):
            if not verify(database).findings:
                unseen.append(flip)
    assert verify(database).findings == ()
    database.dispose()
    vandal.leave()
    assert unseen == []
    assert len(flips) >= 2 * len(WATCHED[table])


@pytest.mark.parametrize("value", ["'?'", "'null'", "17", "x'FF00'", "''"])
def test_what_cannot_be_read_is_found(tmp_path: Path, value: str) -> None:
    """SQLite holds anything in any column: that is a finding too, never the end of the verification."""
    url = f"sqlite:///{tmp_path / 'small.db'}"
    shop, vandal = small(url, tmp_path), Vandal(url, {})
    database, unseen = shop.lifecycle.database, []
    for table, columns in WATCHED.items():
        for column in columns:
            ((row, before),) = vandal.run(
                f"SELECT rowid, quote({column}) FROM {table.name} WHERE {column} IS NOT NULL LIMIT 1"  # noqa: S608
            )
            for written in (value, before):
                vandal.run(f"UPDATE {table.name} SET {column} = {written} WHERE rowid = {row}")  # noqa: S608
                if bool(verify(database).findings) != (written == value):
                    unseen.append(f"{table.name}.{column} = {written}")
    shop.close()
    vandal.leave()
    assert unseen == []


def test_a_shop_in_use_can_be_verified(database_url: str, tmp_path: Path) -> None:
    """What is sold, charged, declined, refunded between any two statements of the verification accuses nobody, and what
    the gateway has moved by then neither."""
    shop, other = small(database_url, tmp_path), Database(database_url)
    steps = iter(range(1, 40))

    def live_on(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("SELECT") and (step := next(steps, None)):
            with capture_logs():
                sold = shop.buy(f"late_{step}", "kept")
                if step % 3 == 0:
                    shop.lifecycle.subscriptions.cancel(sold, when="now", by="late")
                shop.on(f"2026-{7 + step // 20:02}-{2 + step % 20:02}")

    event.listen(other.engine, "after_cursor_execute", live_on)
    report = verify(other, charges=ledger_of(shop.lifecycle.gateway))
    again = verify(shop.lifecycle.database, charges=ledger_of(shop.lifecycle.gateway))
    other.dispose()
    shop.close()
    assert next(steps) > 15
    assert [finding for finding in report.findings if finding.level == "error"] == []
    assert again.findings == ()
