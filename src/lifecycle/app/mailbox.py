"""A plain mailbox: a directory with one file for each message. It sends nothing; for tests, and for who has no mail."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lifecycle.app.views import as_json
from lifecycle.engine.outbox import Message
from lifecycle.notices.mail import Mail

SUFFIXES = (".eml", ".json")
"""Of the files of notices, and of other messages."""


class FileMailbox:
    """A file is named by the id of its message, and whole or not there; a repeat overwrites itself. `clock`: each says
    that it was sent on this named clock."""

    def __init__(self, folder: Path, clock: str | None = None) -> None:
        self.folder = folder
        self._mark = {} if clock is None else {"clock": clock}

    def __call__(self, message: Message) -> None:
        """Write a message as JSON. Raises OSError."""
        self._write(f"{message.id}.json", json.dumps(as_json(message) | self._mark, indent=2).encode())

    def send(self, mail: Mail) -> None:
        """Write a mail as any mail program reads it. Raises OSError."""
        self._write(f"{mail.id}.eml", mail.as_message().as_bytes())

    def _write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{name}.{os.getpid()}"
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # it is reported as delivered right after
        unfinished.replace(self.folder / name)
