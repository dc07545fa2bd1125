"""A file of log rows that were moved out: JSON lines, one a row, each on the disk before anybody relies on it.

A line holds everything of its row by the names of the table's columns: instants in ISO 8601, the hash in hex. So an
auditor can count the chain again with what docs/verify.md says. Only ASCII is written, whatever the rows hold.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from lifecycle.engine.records import LogRecord
from lifecycle.errors import LifecycleError

HEAD = b'{"root_id":"'
"""How every line begins, and so every file that may be appended to."""

_BLOCK = 65536
_NAMES = [field.name for field in fields(LogRecord)]
_values = attrgetter(*_NAMES)
_encoded = json.JSONEncoder(separators=(",", ":")).encode


class Archive:
    """An open file, locked against others that would append to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def append(self, rows: Sequence[LogRecord]) -> None:
        """Write these rows; when it returns they are on the disk. Raises OSError."""
        self._file.writelines(map(line, rows))
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def archive(path: Path) -> Iterator[Archive]:
    """A new file that only its owner can read, or one that was written before, to be appended to.

    Half a line at its end, from a process that was killed, is cut off: its row is still in the database. Raises
    LifecycleError (`archive_failed`) for a file of another kind, or in use, and for whatever the disk says.
    """
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "a+b") as file:
            _take(file, path)
            yield Archive(file)
    except OSError as error:
        raise _failed(path, error.strerror or str(error)) from error


def line(row: LogRecord) -> bytes:
    """A row as it stands in the file."""
    values = dict(zip(_NAMES, _values(row), strict=True))
    for name in ("due_at", "fired_at", "recorded_at"):
        values[name] = values[name] and values[name].isoformat()
    values["hash"] = row.hash.hex()
    return _encoded(values).encode() + b"\n"


def _take(file: BinaryIO, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise _failed(path, "it is no file")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _failed(path, "somebody else is writing to it") from error
    file.seek(0)
    if not HEAD.startswith(head := file.read(len(HEAD))) or (head != HEAD and file.read(1)):
        raise _failed(path, "it is there, and holds something else")
    file.truncate(_whole(file))
    _keep_name(path.parent)


def _whole(file: BinaryIO) -> int:
    """How long the file is without half a line at its end."""
    place = file.seek(0, os.SEEK_END)
    while place:
        start = max(0, place - _BLOCK)
        file.seek(start)
        if at := file.read(place - start).rfind(b"\n") + 1:
            return start + at
        place = start
    return 0


def _keep_name(folder: Path) -> None:
    """A new file survives a power cut only if its folder is on the disk too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _failed(path: Path, reason: str) -> LifecycleError:
    return LifecycleError(f"The log can't be moved to {path}: {reason}.", code="archive_failed")
