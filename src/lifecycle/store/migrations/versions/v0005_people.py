"""What people need: members, seats, invitations, and what is kept for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lifecycle.store.types import Instant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables; every account has its first administrator as a member."""
    op.create_table(
        "lifecycle_members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=name == "live_email") for name in ("email", "live_email")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("first_name", "last_name", "position", "role")),
        sa.Column("added_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_members")),
        sa.UniqueConstraint("account_id", "live_email", name=op.f("uq_lifecycle_members_account_id_live_email")),
        _accounts("lifecycle_members"),
    )
    op.create_index(op.f("ix_lifecycle_members_account_id"), "lifecycle_members", ["account_id"])
    op.execute(
        "INSERT INTO lifecycle_members "
        "(id, account_id, email, live_email, first_name, last_name, position, role, added_at) "
        "SELECT 'mem_' || substr(id, 6), id, email, lower(email), '', '', '', 'admin', created_at "
        "FROM lifecycle_accounts"
    )
    op.create_table(
        "lifecycle_seats",
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("assigned_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("root_id", "member_id", name=op.f("pk_lifecycle_seats")),
        sa.ForeignKeyConstraint(
            ["root_id"], ["lifecycle_roots.id"], name=op.f("fk_lifecycle_seats_root_id_lifecycle_roots")
        ),
    )
    op.create_index(op.f("ix_lifecycle_seats_member_id"), "lifecycle_seats", ["member_id"])
    op.create_table(
        "lifecycle_invitations",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "account_id", "code", "digest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_lifecycle_invitations_digest")),
        _accounts("lifecycle_invitations"),
    )
    op.create_index(op.f("ix_lifecycle_invitations_account_id"), "lifecycle_invitations", ["account_id"])
    op.create_table(
        "lifecycle_code_attempts",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("caller", name=op.f("pk_lifecycle_code_attempts")),
    )
    op.create_index(op.f("ix_lifecycle_code_attempts_since"), "lifecycle_code_attempts", ["since"])
    op.create_table(
        "lifecycle_password_tokens",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_lifecycle_password_tokens")),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["lifecycle_members.id"],
            name=op.f("fk_lifecycle_password_tokens_member_id_lifecycle_members"),
        ),
    )
    op.create_index(op.f("ix_lifecycle_password_tokens_member_id"), "lifecycle_password_tokens", ["member_id"])
    op.create_table(
        "lifecycle_imports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_imports")),
        _accounts("lifecycle_imports"),
    )
    op.create_index(op.f("ix_lifecycle_imports_account_id"), "lifecycle_imports", ["account_id"])
    sold = sa.text("book = 'tokens_sold'")
    op.create_index(
        "ix_lifecycle_ledger_tokens", "lifecycle_ledger", ["account_id"], postgresql_where=sold, sqlite_where=sold
    )


def _accounts(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_account_id_lifecycle_accounts")
    return sa.ForeignKeyConstraint(["account_id"], ["lifecycle_accounts.id"], name=name)
