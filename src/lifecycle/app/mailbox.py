"""A plain mailbox: a directory with one file for each message. It sends nothing; for tests, and for who has no mail."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lifecycle.app.views import as_json
from lifecycle.engine.outbox import Message


class FileMailbox:
    """A destination. A message is a JSON file named by its id, whole or not there; a repeat overwrites itself. `clock`:
    each says that it was sent on this named clock."""

    def __init__(self, folder: Path, clock: str | None = None) -> None:
        self.folder = folder
        self._mark = {} if clock is None else {"clock": clock}

    def __call__(self, message: Message) -> None:
        """Write the message. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{message.id}.{os.getpid()}"
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump(as_json(message) | self._mark, file, indent=2)
            file.flush()
            os.fsync(file.fileno())  # it is reported as delivered right after
        unfinished.replace(self.folder / f"{message.id}.json")
