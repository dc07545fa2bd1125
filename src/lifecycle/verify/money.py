"""The money of one root: its ledger, its documents and their numbers, its orders, its attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, type_coerce
from sqlalchemy.types import NullType

from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify import attempts, books
from lifecycle.verify.bills import Bills
from lifecycle.verify.ledger import Ledger
from lifecycle.verify.numbers import Numbers
from lifecycle.verify.orders import Orders
from lifecycle.verify.reading import instant, read, readable
from lifecycle.verify.records import Attempt, Entry, Instance, Number, Row
from lifecycle.verify.report import Finding
from lifecycle.verify.rows import Stored
from lifecycle.verify.story import Story


@dataclass(slots=True)
class Across:
    """What is to be known of all roots, and is told by each: `invoicing_since` the first invoice was made, and what the
    ledger comes to by unit."""

    invoicing_since: datetime | None
    sums: Counter[str] = field(default_factory=Counter)


class Money:
    """Takes the rows of a root's log in order, each after its story has. Everything raises Unreadable."""

    def __init__(self, stored: Stored, stories: Mapping[str, Story], first: int | None, across: Across) -> None:
        self._root_id = stored.root_id
        self._stories = stories
        self._ledger = Ledger([read(Entry, raw) for raw in stored.entries], first)
        self._numbers = Numbers([read(Number, raw) for raw in stored.numbers])
        self._attempts = [read(Attempt, raw) for raw in stored.attempts]
        self._bills = Bills(across.invoicing_since)
        with readable("What the checkpoint says of orders"):
            self._orders = Orders(stories)
        for (_, unit), amount in self._ledger.books.items():
            across.sums[unit] += amount

    def take(self, row: Row) -> Iterator[Finding]:
        """Judge the next row, and what it has written besides itself."""
        with readable(f"The effects of row {row.seq}"):
            yield from self._ledger.take(row)
            yield from self._numbers.take(row)
            self._bills.take(row)
            yield from self._orders.take(row)

    def close(self) -> Iterator[Finding]:
        """Compare what is stored with what it came to."""
        instances = {story.instance.id: story.instance for story in self._stories.values()}
        with readable("The facts of a document"):
            yield from self._ledger.balanced()
            yield from self._ledger.close()
            yield from self._books(instances)
            yield from self._bills.close(self._stories)
            yield from self._numbers.close(self._stories)
            yield from self._orders.close()
            yield from attempts.wrong_with(instances, self._attempts)

    def _books(self, instances: Mapping[str, Instance]) -> Iterator[Finding]:
        """What each document has posted, where all its rows are there, and what the root has."""
        for story in self._stories.values():
            one = story.instance
            if story.told is None:
                for told in books.wrong_with(one, self._ledger.posted[one.id]):
                    yield Finding("document_books", one.root_id, one.id, None, told)
        for (book, unit), amount in books.of_root(instances.values()).items():
            if (is_ := self._ledger.books[book, unit]) != amount:
                told = f"The book {book} comes to {is_} {unit}; its documents to {amount}."
                yield Finding("books", self._root_id, None, None, told)


def invoicing_since(database: Database) -> datetime | None:
    """When the first invoice was made; None where there is none, or its instant can't be read."""
    table = schema.instances
    first = select(type_coerce(func.min(table.c.created_at), NullType())).where(table.c.machine == "invoice")
    with database.reading() as connection:
        raw = connection.scalar(first)
    try:
        return instant(str(raw))
    except ValueError:
        return None


def wrong_across(database: Database, sums: Mapping[str, int]) -> Iterator[Finding]:
    """What the whole ledger comes to, and accounts that have less than nothing on their balance. Of the first the unit
    stands in the place of a root."""
    for unit, amount in sums.items():
        if amount:
            yield Finding("ledger_sum", unit, None, None, f"It comes to {amount} {unit}.")
    table = schema.ledger
    over = func.sum(table.c.amount)
    query = select(table.c.account_id, table.c.unit, over).where(table.c.book == "balance")
    with database.reading() as connection:
        for account, unit, amount in connection.execute(
            query.group_by(table.c.account_id, table.c.unit).having(over > 0)
        ):
            yield Finding("balance", str(account), None, None, f"Its balance is {-amount} {unit}.")
        tokens = select(table.c.account_id, over).where(table.c.book == "tokens").group_by(table.c.account_id)
        for account, left in connection.execute(tokens.having(over < 0)):
            yield Finding("tokens", str(account), None, None, f"It has used {-left} tokens more than it has bought.")
