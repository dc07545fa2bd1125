"""Column types that mean the same on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

JsonDocument = JSON().with_variant(JSONB(), "postgresql")


def aware(value: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError(f"{value!r} is naive; instants are aware.")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def instant_text(value: datetime) -> str:
    """An instant as SQLite stores it. Raises ValueError for a naive one."""
    return f"{aware(value).isoformat(timespec='microseconds')[:26]}Z"


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC: `timestamptz` on PostgreSQL, text of fixed width on SQLite, which sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, which has no type for instants and whose driver would give naive ones back."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """Refuses naive instants: they would mean something else on every machine."""
        if value is None:
            return None
        return instant_text(value) if dialect.name == "sqlite" else aware(value)

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """Always aware, always in UTC."""
        del dialect
        if value is None:
            return None
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(instant, datetime):
            raise TypeError(f"{instant!r} is not an instant.")
        return instant.astimezone(UTC)
