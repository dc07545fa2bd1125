"""What notices need: who is told of what, the secrets and deliveries of webhooks, languages, and what was merged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lifecycle.store.types import Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables, and add two columns that are empty for what is there."""
    op.add_column("lifecycle_outbox", sa.Column("merged_into", sa.Text(), nullable=True))
    parked = sa.text("status = 'parked'")
    op.create_index(
        "ix_lifecycle_outbox_parked", "lifecycle_outbox", ["destination"], postgresql_where=parked, sqlite_where=parked
    )
    op.add_column("lifecycle_accounts", sa.Column("language", sa.Text(), nullable=True))
    op.create_table(
        "lifecycle_subscribers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("failing_since", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lifecycle_subscribers")),
    )
    op.create_table(
        "lifecycle_webhook_secrets",
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("webhook_id", "created_at", name=op.f("pk_lifecycle_webhook_secrets")),
    )
    op.create_table(
        "lifecycle_deliveries",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", "number", name=op.f("pk_lifecycle_deliveries")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["lifecycle_outbox.id"], name=op.f("fk_lifecycle_deliveries_message_id_lifecycle_outbox")
        ),
    )
    op.create_index("ix_lifecycle_deliveries_webhook_id_at", "lifecycle_deliveries", ["webhook_id", "at"])
