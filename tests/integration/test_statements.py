"""To make a statement takes longer than to have it executed: what happens all the time makes none."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, event

from lifecycle import Lifecycle
from tests.integration.world import travelling

START = "2026-01-15T12:00+00:00"


def said_by(lifecycle: Lifecycle, month: int) -> list[object]:
    """The statements, as SQLAlchemy is given them, of the journey to the last instant of the 15th of a month."""
    said: list[object] = []

    def hear(_connection: Connection, statement: object, *_: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_execute", hear)
    try:
        lifecycle.advance_to(datetime(2026, month, 15, 23, 59, tzinfo=UTC))
    finally:
        event.remove(Engine, "before_execute", hear)
    return [statement for statement in said if not isinstance(statement, str)]


def test_a_month_with_its_charge_executes_the_statements_of_the_month_before(database_url: str) -> None:
    """Renewed and charged on 15 February and on 15 March: by the same objects, the sandbox's among them."""
    with travelling(database_url, START) as (lifecycle, _):
        lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True)
        lifecycle.subscriptions.create("acme", plan="team", interval="month", by="system")
        february, march = said_by(lifecycle, 2), said_by(lifecycle, 3)
        assert [invoice.status for invoice in lifecycle.invoices.list()] == ["paid"] * 3
    known = {id(statement) for statement in february}  # which are kept, so that no id is given twice
    assert [str(statement) for statement in march if id(statement) not in known] == []
    assert any("lifecycle_sandbox_entries" in str(statement) for statement in march)
