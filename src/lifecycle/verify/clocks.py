"""Whether all that belongs together is on one named clock: else a daemon would fire what a tester is to advance."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import null, select

from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify.report import Finding


def wrong_across(database: Database) -> Iterator[Finding]:
    """Roots on a clock that is not there; accounts, and what belongs to them, on another clock than their root."""
    roots, instances, accounts, clocks = schema.roots, schema.instances, schema.accounts, schema.clocks
    lost = select(roots.c.id, roots.c.clock).outerjoin_from(roots, clocks, clocks.c.name == roots.c.clock)
    apart = roots.c.clock.is_distinct_from(accounts.c.clock)
    owned = select(roots.c.id, instances.c.id, roots.c.clock, accounts.c.clock)
    owned = owned.join_from(instances, accounts, accounts.c.id == instances.c.owner_id)
    owned = owned.join(roots, roots.c.id == instances.c.root_id)
    own = select(roots.c.id, null(), roots.c.clock, accounts.c.clock)
    own = own.join_from(accounts, roots, roots.c.id == accounts.c.id)
    with database.reading() as connection:
        for root_id, clock in connection.execute(lost.where(roots.c.clock.is_not(None), clocks.c.name.is_(None))):
            yield Finding("clock", root_id, None, None, f"There is no clock {clock}.")
        for query in (own, owned):
            for root_id, instance_id, clock, its in connection.execute(query.where(apart)):
                told = f"Its account is on the clock {its}, and it on {clock}."
                yield Finding("clock", root_id, instance_id, None, told)
