"""Where statements go: a database of our own, or a transaction of the host's."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Connections(Protocol):
    """Gives connections for reading and for writing; what is written is kept only if the block does not raise."""

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection whose statements see the same moment."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that may write."""
        ...
