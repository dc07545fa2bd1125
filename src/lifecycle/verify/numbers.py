"""Whether documents have the numbers that they took, and series have no gap (rule E4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select

from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify import invoice, notes
from lifecycle.verify.reading import columns, read
from lifecycle.verify.records import Number, Row, Unreadable
from lifecycle.verify.report import Finding
from lifecycle.verify.story import Story

ISSUED = {invoice.KIND: invoice.ISSUED, notes.CREDIT_NOTE: frozenset({"issued"})}
"""The states in which a document has a number."""


class Numbers:
    """Takes the rows of a root's log in order, and compares the numbers of its documents with what they took."""

    def __init__(self, numbers: Sequence[Number]) -> None:
        self._numbers = {number.instance_id: number for number in numbers}
        self._taken: set[str] = set()

    def take(self, row: Row) -> Iterator[Finding]:
        """Compare a number that the row took."""
        for effect in row.effects:
            if not isinstance(effect, dict) or effect.get("effect") != "number":
                continue
            number = self._numbers.get(row.instance_id)
            self._taken.add(row.instance_id)
            if number is None:
                yield Finding("number_missing", row.root_id, row.instance_id, row.seq, "It took a number and has none.")
            elif (number.series, number.issued_at) != (effect.get("series"), row.recorded_at):
                told = f"Number {number.number} is of {number.series!r}, of {number.issued_at.isoformat()}."
                yield Finding("number_content", row.root_id, row.instance_id, row.seq, told)

    def close(self, stories: Mapping[str, Story]) -> Iterator[Finding]:
        """Compare with the states of the documents: what is issued has a number, and nothing else."""
        for story in stories.values():
            one = story.instance
            issued, has = one.state in ISSUED.get(one.machine, ()), one.id in self._numbers
            took = one.id in self._taken or story.told is not None
            if has and not (issued and took):
                told = f"It is {one.state}, and no transition took a number for it."
                yield Finding("number_unasked", one.root_id, one.id, None, told)
            elif issued and not has and one.id not in self._taken:
                yield Finding("number_missing", one.root_id, one.id, None, f"It is {one.state} without a number.")


def wrong_with_series(database: Database) -> Iterator[Finding]:
    """Whether each series goes from 1 to its last without a gap, and each number is of a document that is there. Where
    numbers went with clocks that were deleted, exactly so many are missing. Such a finding names the series in the
    place of a root."""
    known, series = schema.instances, schema.series
    with database.reading() as connection:
        stored = connection.execute(select(series.c.series, series.c.last, series.c.deleted)).all()
        last, deleted = {row.series: row.last for row in stored}, {row.series: row.deleted for row in stored}
        query = columns(connection, Number).add_columns(known.c.root_id)
        query = query.outerjoin_from(schema.numbers, known, known.c.id == schema.numbers.c.instance_id)
        query = query.order_by(schema.numbers.c.series, schema.numbers.c.number)
        reached, there = dict[str, int](), Counter[str]()
        for *raw, root_id in connection.execute(query.execution_options(yield_per=1000)):
            try:
                one = read(Number, raw)
            except Unreadable as error:
                yield Finding("unreadable", str(raw[0]), None, None, str(error))
                continue
            there[one.series] += 1
            if one.number != reached.get(one.series, 0) + 1 and not deleted.get(one.series):
                told = f"Number {one.number} follows {reached.get(one.series, 0)}."
                yield Finding("number_gap", one.series, one.instance_id, None, told)
            if root_id is None:
                yield Finding("orphan", one.series, one.instance_id, None, f"Number {one.number} is of nothing there.")
            reached[one.series] = one.number
    for name in sorted({*last, *reached}, key=str):
        if (gone := deleted.get(name, 0)) != 0:
            whole = isinstance(last[name], int) and last[name] >= reached.get(name, 0)
            if not whole or last[name] - there[name] != gone:
                told = f"It says {last[name]}, of which {gone} were deleted; {there[name]} are there."
                yield Finding("number_gap", str(name), None, None, told)
        elif last.get(name) != reached.get(name, 0):
            told = f"It has got as far as {reached.get(name, 0)}, and says {last.get(name)}."
            yield Finding("number_gap", str(name), None, None, told)
