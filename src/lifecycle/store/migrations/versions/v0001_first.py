"""The first schema: roots, instances, deferrals, the log, reasons, answers, accounts, actors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lifecycle.store.types import Instant, JsonDocument

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "lifecycle_accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("tax_id", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_accounts")),
        sa.UniqueConstraint("reference", name=op.f("uq_lifecycle_accounts_reference")),
    )
    op.create_table(
        "lifecycle_actors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_actors")),
        sa.UniqueConstraint("name", name=op.f("uq_lifecycle_actors_name")),
    )
    op.create_table(
        "lifecycle_answers",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("answer", JsonDocument, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_lifecycle_answers")),
    )
    op.create_table(
        "lifecycle_roots",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("wake_at", Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_roots")),
    )
    op.create_index(
        "ix_lifecycle_roots_wake_at",
        "lifecycle_roots",
        ["wake_at", "id"],
        unique=False,
        postgresql_where=sa.text("wake_at IS NOT NULL"),
        sqlite_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_table(
        "lifecycle_instances",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("facts", JsonDocument, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("live_key", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["root_id"], ["lifecycle_roots.id"], name=op.f("fk_lifecycle_instances_root_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_instances")),
        sa.UniqueConstraint("machine", "live_key", name=op.f("uq_lifecycle_instances_machine_live_key")),
    )
    op.create_index(op.f("ix_lifecycle_instances_owner_id"), "lifecycle_instances", ["owner_id"], unique=False)
    op.create_index(op.f("ix_lifecycle_instances_root_id"), "lifecycle_instances", ["root_id"], unique=False)
    op.create_table(
        "lifecycle_log",
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason_id", sa.Text(), nullable=True),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("fired_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("effects", sa.JSON(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["root_id"], ["lifecycle_roots.id"], name=op.f("fk_lifecycle_log_root_id")),
        sa.PrimaryKeyConstraint("root_id", "seq", name=op.f("pk_lifecycle_log")),
    )
    op.create_index(op.f("ix_lifecycle_log_due_at"), "lifecycle_log", ["due_at"], unique=False)
    op.create_index(op.f("ix_lifecycle_log_instance_id"), "lifecycle_log", ["instance_id"], unique=False)
    op.create_table(
        "lifecycle_reasons",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["root_id"], ["lifecycle_roots.id"], name=op.f("fk_lifecycle_reasons_root_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_reasons")),
    )
    op.create_index(op.f("ix_lifecycle_reasons_root_id"), "lifecycle_reasons", ["root_id"], unique=False)
    op.create_table(
        "lifecycle_deferrals",
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["lifecycle_instances.id"], name=op.f("fk_lifecycle_deferrals_instance_id")
        ),
        sa.ForeignKeyConstraint(["root_id"], ["lifecycle_roots.id"], name=op.f("fk_lifecycle_deferrals_root_id")),
        sa.PrimaryKeyConstraint("instance_id", "event", name=op.f("pk_lifecycle_deferrals")),
    )
    op.create_index(op.f("ix_lifecycle_deferrals_due_at"), "lifecycle_deferrals", ["due_at"], unique=False)
    op.create_index(op.f("ix_lifecycle_deferrals_root_id"), "lifecycle_deferrals", ["root_id"], unique=False)
