"""What money needs: payment methods, attempts to move money, the ledger, numbers; and which instances are over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lifecycle.store.types import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables, and mark what is over."""
    _close_what_is_over()
    _payment_methods()
    op.create_table(
        "lifecycle_attempts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("of", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("waited", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_lifecycle_attempts")),
    )
    for column in ("instance_id", "account_id"):
        op.create_index(op.f(f"ix_lifecycle_attempts_{column}"), "lifecycle_attempts", [column])
    op.create_index(
        "ix_lifecycle_attempts_unknown",
        "lifecycle_attempts",
        ["instance_id"],
        postgresql_where=sa.text("status = 'unknown'"),
        sqlite_where=sa.text("status = 'unknown'"),
    )
    _books()


def _close_what_is_over() -> None:
    """Of the machines of earlier releases, the subscription's final state is known; a host's own are closed when they
    are next touched."""
    with op.batch_alter_table("lifecycle_instances") as table:
        table.add_column(sa.Column("closed", sa.Boolean(), nullable=True))
    op.execute("UPDATE lifecycle_instances SET closed = (machine = 'subscription' AND state = 'ended')")
    with op.batch_alter_table("lifecycle_instances") as table:
        table.alter_column("closed", existing_type=sa.Boolean(), nullable=False)
    op.create_index(
        "ix_lifecycle_instances_open",
        "lifecycle_instances",
        ["root_id"],
        postgresql_where=sa.text("NOT closed"),
        sqlite_where=sa.text("NOT closed"),
    )


def _payment_methods() -> None:
    """In the place of a fact that a host set: whoever had one adds it again, for no token of it was ever kept."""
    with op.batch_alter_table("lifecycle_accounts") as table:
        table.drop_column("payment_method")
    op.create_table(
        "lifecycle_payment_methods",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("exp_month", sa.Integer(), nullable=False),
        sa.Column("exp_year", sa.Integer(), nullable=False),
        sa.Column("default_of", sa.Text(), nullable=True),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["lifecycle_accounts.id"],
            name=op.f("fk_lifecycle_payment_methods_account_id_lifecycle_accounts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_payment_methods")),
        sa.UniqueConstraint("default_of", name=op.f("uq_lifecycle_payment_methods_default_of")),
    )
    op.create_index(op.f("ix_lifecycle_payment_methods_account_id"), "lifecycle_payment_methods", ["account_id"])


def _books() -> None:
    op.create_table(
        "lifecycle_ledger",
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["root_id"], ["lifecycle_roots.id"], name=op.f("fk_lifecycle_ledger_root_id_lifecycle_roots")
        ),
        sa.PrimaryKeyConstraint("root_id", "seq", "place", "book", name=op.f("pk_lifecycle_ledger")),
    )
    op.create_index(
        "ix_lifecycle_ledger_balance",
        "lifecycle_ledger",
        ["account_id", "unit"],
        postgresql_where=sa.text("book = 'balance'"),
        sqlite_where=sa.text("book = 'balance'"),
    )
    op.create_table(
        "lifecycle_series",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_lifecycle_series")),
    )
    op.create_table(
        "lifecycle_numbers",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("series", "number", name=op.f("pk_lifecycle_numbers")),
        sa.UniqueConstraint("instance_id", name=op.f("uq_lifecycle_numbers_instance_id")),
    )
