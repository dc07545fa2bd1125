"""What PostgreSQL is told of tables that each firing updates: room for new versions of rows, and earlier vacuums."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Set storage parameters. Nobody is held up by it, no table is written anew: pages that are written from now on
    have the room."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE lifecycle_instances SET (fillfactor = 80)")
    for table in ("lifecycle_roots", "lifecycle_instances", "lifecycle_deferrals"):
        op.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02)")
