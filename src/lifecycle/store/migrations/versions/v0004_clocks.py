"""What named clocks need: the clocks, what is on which, and how many numbers went with those that were deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lifecycle.store.types import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table, mark what can be on a clock, and keep that out of the daemon's indexes."""
    op.create_table(
        "lifecycle_clocks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("now", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("advancer", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lifecycle_clocks")),
    )
    # as text: Alembic would build the table of roots anew on SQLite, for the sake of the foreign key
    op.execute(
        "ALTER TABLE lifecycle_roots ADD COLUMN clock TEXT "
        "CONSTRAINT fk_lifecycle_roots_clock_lifecycle_clocks REFERENCES lifecycle_clocks (name)"
    )
    for table in ("lifecycle_accounts", "lifecycle_outbox"):
        op.add_column(table, sa.Column("clock", sa.Text(), nullable=True))
    _indexes("lifecycle_roots", "clock IS NOT NULL")
    _indexes("lifecycle_outbox", "wake_at IS NOT NULL AND clock IS NOT NULL")
    op.add_column("lifecycle_series", sa.Column("deleted", sa.BigInteger(), nullable=True))
    op.execute("UPDATE lifecycle_series SET deleted = 0")
    with op.batch_alter_table("lifecycle_series") as series:
        series.alter_column("deleted", existing_type=sa.BigInteger(), nullable=False)


def _indexes(table: str, on_a_clock: str) -> None:
    """One for what is on no clock, in the place of that of all; and one by clock."""
    op.drop_index(f"ix_{table}_wake_at", table)
    where = sa.text("wake_at IS NOT NULL AND clock IS NULL")
    op.create_index(f"ix_{table}_wake_at", table, ["wake_at", "id"], postgresql_where=where, sqlite_where=where)
    where = sa.text(on_a_clock)
    op.create_index(f"ix_{table}_clock", table, ["clock", "wake_at", "id"], postgresql_where=where, sqlite_where=where)
