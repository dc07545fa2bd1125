"""The sandbox's own tables, apart from the store's: it is another company's ledger, which happens to be near.

No column has a default of the database's, and no instant comes from its clock. Writers come one after the other, on
PostgreSQL by an advisory lock: so a look, a decision and a row are one act.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from lifecycle.errors import LifecycleError
from lifecycle.gateways.protocol import NoAnswer
from lifecycle.store.database import Database
from lifecycle.store.types import Instant

_LOCK = text(f"SELECT pg_advisory_xact_lock({0x53_41_4E_44})")
"""PostgreSQL's, which a writer holds to its commit."""

metadata = MetaData()

customers = Table(
    "lifecycle_sandbox_customers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False, unique=True),
    Column("made_at", Instant, nullable=False),
)

cards = Table(
    "lifecycle_sandbox_cards",
    metadata,
    Column("token", Text, primary_key=True),
    Column("customer", Text, ForeignKey("lifecycle_sandbox_customers.id"), nullable=False),
    Column("script", Text, nullable=False),
    # how many charges it has decided
    Column("uses", Integer, nullable=False),
    Column("made_at", Instant, nullable=False),
)

entries = Table(
    "lifecycle_sandbox_entries",
    metadata,
    # from 1, in the order of the commits
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    # from 1; rises when a key comes again that has been forgotten
    Column("occurrence", Integer, nullable=False),
    Column("reference", Text, nullable=False, unique=True),
    # of a refund: the reference of the charge
    Column("payment", Text, ForeignKey("lifecycle_sandbox_entries.reference")),
    Column("invoice", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("kind", "key", "occurrence"),
)
Index("ix_lifecycle_sandbox_entries_account", entries.c.account)
Index("ix_lifecycle_sandbox_entries_payment", entries.c.payment)


class Tables:
    """The tables in one database, made when they are first used, by whoever comes first.

    A database that can't be used is a gateway that can't be reached: both connections raise NoAnswer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made = False

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection for the only writer: committed at the end, rolled back when the block raises."""
        with _answering(), self._database.writing() as connection:
            if not self._database.is_sqlite:
                connection.execute(_LOCK)
            if not self._made:
                metadata.create_all(connection)
            yield connection
        self._made = True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading one moment."""
        if not self._made:
            with self.writing():
                pass
        with _answering(), self._database.reading() as connection:
            yield connection


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except LifecycleError as error:
        if error.code != "database_unavailable":
            raise
        raise NoAnswer(f"The sandbox can't be reached. {error}") from error
