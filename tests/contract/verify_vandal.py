"""Somebody who may write to the tables and knows how the chain is made: what `verify` is to find out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Table, and_, bindparam, create_engine, delete, insert, inspect, select, text, update

from lifecycle.app.retention import prune
from lifecycle.store import schema
from lifecycle.store.database import Database

DOCUMENT = Path(__file__).parents[2] / "docs/verify.md"


def _documented() -> dict[str, Any]:
    """The functions in the documentation."""
    names: dict[str, Any] = {}
    (block,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S)
    exec(block, names)  # noqa: S102  # so that what is published is what is tested
    return names


hash_of: Callable[[bytes, dict[str, Any]], bytes] = _documented()["hash_of"]
seal_of: Callable[[dict[str, Any]], bytes] = _documented()["seal_of"]


class Vandal:
    """Changes rows past the engine. `names` are the instances that can be named; foreign keys do not hold here."""

    def __init__(self, url: str, names: Mapping[str, str]) -> None:
        self._engine = create_engine(url)
        self._names = names
        if self._engine.dialect.name == "postgresql":  # on SQLite they hold only where a connection asks for it
            self._drop_foreign_keys()

    def leave(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def id(self, name: str) -> str:
        """The instance of this name, which is its root too; an id names itself."""
        return self._names.get(name, name)

    def log(self, name: str, seq: int, *, sealed: bool = True, **values: object) -> None:
        """Change a row of the log; `sealed`: and every hash from there on, so that the chain is whole again."""
        self.change(schema.log, {"root_id": self.id(name), "seq": seq}, **values)
        if sealed:
            self.seal(name)

    def logged_changes(self, name: str, seq: int, **changes: object) -> None:
        """Change what a row of the log says of the facts, and the facts too, with the chain whole again."""
        where = {"root_id": self.id(name), "seq": seq}
        self.log(name, seq, changes={**self.read(schema.log, where)["changes"], **changes})
        self.facts(name, **changes)

    def facts(self, name: str, **facts: object) -> None:
        """Change the stored facts; None removes one."""
        stored = self.read(schema.instances, {"id": self.id(name)})["facts"]
        left = {key: value for key, value in {**stored, **facts}.items() if value is not None}
        self.instance(name, facts=left)

    def instance(self, name: str, **values: object) -> None:
        """Change the stored instance."""
        self.change(schema.instances, {"id": self.id(name)}, **values)

    def root(self, name: str, **values: object) -> None:
        """Change the root."""
        self.change(schema.roots, {"id": self.id(name)}, **values)

    def deferral(self, name: str, event: str, **values: object) -> None:
        """Change a deferral."""
        self.change(schema.deferrals, {"instance_id": self.id(name), "event": event}, **values)

    def message(self, name: str, **values: object) -> None:
        """Change the one message of a root."""
        self.change(schema.outbox, {"root_id": self.id(name)}, **values)

    def move_out(self, before: datetime) -> None:
        """Let retention move out what was recorded before an instant, to a file that is thrown away."""
        database = Database(self._engine.url.render_as_string(hide_password=False))
        with TemporaryDirectory() as folder:
            prune(database, before, Path(folder) / "moved.jsonl", now=before)
        database.dispose()

    def checkpoint(self, name: str, *, sealed: bool = True, **values: object) -> None:
        """Change a checkpoint; `sealed`: and its seal, so that it is right again."""
        where = {"root_id": self.id(name)}
        self.change(schema.checkpoints, where, **values)
        if sealed:
            self.change(schema.checkpoints, where, seal=seal_of(self.read(schema.checkpoints, where)))

    def told(self, name: str, **values: object) -> dict[str, Any]:
        """What a checkpoint tells of its instances, with other values for the one of this name."""
        told: dict[str, Any] = self.read(schema.checkpoints, {"root_id": self.id(name)})["instances"]
        return told | {self.id(name): told[self.id(name)] | values}

    def seal(self, name: str) -> None:
        """Compute all hashes of a root anew, by the function that the documentation gives to auditors, and its head."""
        head = b""
        for row in self.rows(name):
            head = hash_of(head, row)
            self.change(schema.log, {"root_id": row["root_id"], "seq": row["seq"]}, hash=head)
        self.root(name, head=head)

    def all(self, table: Table) -> list[dict[str, Any]]:
        """Every row of a table."""
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(select(table))]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a root's log."""
        table = schema.log
        with self._engine.connect() as connection:
            query = select(table).where(table.c.root_id == self.id(name)).order_by(table.c.seq)
            return [dict(row._mapping) for row in connection.execute(query)]

    def read(self, table: Table, where: Mapping[str, object]) -> dict[str, Any]:
        """One row."""
        with self._engine.connect() as connection:
            return dict(connection.execute(select(table).where(_matches(table, where))).one()._mapping)

    def change(self, table: Table, where: Mapping[str, object], **values: object) -> None:
        """Change one row."""
        with self._engine.begin() as connection:
            changed = connection.execute(update(table).where(_matches(table, where)).values(**values))
            assert changed.rowcount == 1, f"{changed.rowcount} rows of {table.name} have {where}"

    def add(self, table: Table, **values: object) -> None:
        """Add a row."""
        with self._engine.begin() as connection:
            connection.execute(insert(table).values(**values))

    def remove(self, table: Table, **where: object) -> None:
        """Remove the rows that have these values."""
        with self._engine.begin() as connection:
            assert connection.execute(delete(table).where(_matches(table, where))).rowcount > 0

    def run(self, statement: str) -> list[Any]:
        """Run a statement as it is written; the rows, where it gives any."""
        with self._engine.begin() as connection:
            result = connection.execute(text(statement.replace(":", r"\:")))
            return list(result) if result.returns_rows else []

    def _drop_foreign_keys(self) -> None:
        tables = inspect(self._engine)
        for table in tables.get_table_names():
            for key in tables.get_foreign_keys(table):
                self.run(f'ALTER TABLE {table} DROP CONSTRAINT "{key["name"]}"')


def _matches(table: Table, where: Mapping[str, object]) -> Any:
    return and_(*(table.c[name] == bindparam(f"key_{name}", value) for name, value in where.items()))
