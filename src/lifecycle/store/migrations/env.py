"""What Alembic runs: the migrations on the connection that it is handed, in one transaction."""

from __future__ import annotations

from alembic import context

from lifecycle.store.migrate import VERSION_TABLE
from lifecycle.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
