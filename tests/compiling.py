"""What is compiled once for all tests, though each has databases and templates of its own: SQL and letters.

To compile every statement and every template anew for each of them takes an eighth of the run's processor time.
"""

from __future__ import annotations

from collections import defaultdict
from types import CodeType
from typing import Any

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from sqlalchemy import Engine, create_engine
from sqlalchemy.util import LRUCache

from lifecycle.notices import letters
from lifecycle.store import database


def compile_once() -> None:
    """From now on, in this process."""
    database.create_engine = _engine  # type: ignore[attr-defined]  # for the length of the run
    letters.Environment = _environment  # type: ignore[attr-defined, assignment]  # likewise


class _Statements(LRUCache[Any, Any]):
    """By what they are, and not by the engine that they were compiled for: those of one dialect are all alike."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)


class _Codes(BytecodeCache):
    """Templates by their source."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._kept[bucket.key, bucket.checksum] = bucket.code


_statements: dict[str, _Statements] = defaultdict(lambda: _Statements(5_000))
_codes: dict[bool, _Codes] = defaultdict(_Codes)


def _engine(*where: Any, **options: Any) -> Engine:
    made = create_engine(*where, **options)
    made._compiled_cache = _statements[made.dialect.name]
    return made


def _environment(*, autoescape: bool, **options: Any) -> Environment:
    return Environment(autoescape=autoescape, bytecode_cache=_codes[autoescape], **options)  # noqa: S701  # as ours
