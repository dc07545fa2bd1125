"""Somebody who changes a shop's money past the engine, and knows what happened to whom."""

from __future__ import annotations

from typing import Any

from lifecycle.store import schema
from tests.contract.verify_vandal import Vandal

Row = dict[str, Any]


class Breaker(Vandal):
    """Finds what it breaks by the account and what happened to it; `names` are the accounts' ids by reference."""

    def instances(self, account: str, machine: str, state: str | None = None) -> list[Row]:
        """Those of an account, oldest first."""
        ours = [row for row in self.all(schema.instances) if row["owner_id"] == self.id(account)]
        found = [row for row in ours if row["machine"] == machine and state in (None, row["state"])]
        return sorted(found, key=lambda row: str(row["id"]))

    def one(self, account: str, machine: str, state: str | None = None) -> str:
        """The id of the oldest of them."""
        return str(self.instances(account, machine, state)[0]["id"])

    def row_of(self, instance: str, event: str) -> Row:
        """The first row of an instance of that event."""
        rows = [row for row in self.all(schema.log) if (row["instance_id"], row["event"]) == (instance, event)]
        return min(rows, key=lambda row: int(row["seq"]))

    def relog(self, row: Row, **values: Any) -> str:
        """Change a row of the log and seal it; its root."""
        self.log(row["root_id"], row["seq"], **values)
        return str(row["root_id"])

    def edit(self, instance: str, event: str, **changes: object) -> str:
        """Have a row of this event say other things of the facts, and the facts too; its root."""
        row = self.row_of(instance, event)
        self.facts(instance, **changes)
        return self.relog(row, changes={**row["changes"], **changes})

    def postings(self, row: Row) -> list[Row]:
        """The ledger's entries of a row."""
        ours = [one for one in self.all(schema.ledger) if (one["root_id"], one["seq"]) == (row["root_id"], row["seq"])]
        return sorted(ours, key=lambda one: (one["place"], one["book"]))

    def repost(self, entry: Row, **values: object) -> None:
        """Change an entry of the ledger."""
        key = {column.name: entry[column.name] for column in schema.ledger.primary_key}
        self.change(schema.ledger, key, **values)

    def attempt(self, instance: str, number: int = 1, **values: object) -> str:
        """Change an attempt; the root of its instance."""
        self.change(schema.attempts, {"key": f"{instance}:{number}"}, **values)
        return self.root_of(instance)

    def root_of(self, instance: str) -> str:
        """The root of an instance."""
        return str(self.read(schema.instances, {"id": instance})["root_id"])
