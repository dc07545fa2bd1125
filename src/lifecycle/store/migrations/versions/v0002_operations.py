"""What operations need: the outbox, checkpoints where log rows were moved out, and the daemons that are at work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lifecycle.store.types import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the three tables, and indexes of what is kept aside."""
    op.create_index(
        "ix_lifecycle_roots_status",
        "lifecycle_roots",
        ["status"],
        postgresql_where=sa.text("status <> 'live'"),
        sqlite_where=sa.text("status <> 'live'"),
    )
    op.create_table(
        "lifecycle_outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("wake_at", Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["root_id"], ["lifecycle_roots.id"], name=op.f("fk_lifecycle_outbox_root_id_lifecycle_roots")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_outbox")),
        sa.UniqueConstraint("root_id", "seq", "place", name=op.f("uq_lifecycle_outbox_root_id_seq_place")),
    )
    op.create_index(
        "ix_lifecycle_outbox_wake_at",
        "lifecycle_outbox",
        ["wake_at", "id"],
        postgresql_where=sa.text("wake_at IS NOT NULL"),
        sqlite_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_index(
        "ix_lifecycle_outbox_line",
        "lifecycle_outbox",
        ["root_id", "destination", "seq", "place"],
        postgresql_where=sa.text("wake_at IS NOT NULL"),
        sqlite_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_index(
        "ix_lifecycle_outbox_dead",
        "lifecycle_outbox",
        ["id"],
        postgresql_where=sa.text("status = 'dead'"),
        sqlite_where=sa.text("status = 'dead'"),
    )
    op.create_table(
        "lifecycle_checkpoints",
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("instances", sa.JSON(), nullable=False),
        sa.Column("last_due_at", Instant(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["root_id"], ["lifecycle_roots.id"], name=op.f("fk_lifecycle_checkpoints_root_id_lifecycle_roots")
        ),
        sa.PrimaryKeyConstraint("root_id", name=op.f("pk_lifecycle_checkpoints")),
    )
    op.create_table(
        "lifecycle_daemons",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("ticked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_daemons")),
    )
