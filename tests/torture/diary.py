"""What clients were told, kept in a file that outlives them: a line before each command, and one for its answer.

A line is appended by one system call, so that a kill leaves it whole or not there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Order:
    """A command of a client's: its ticket is its reason in the log, and its idempotency key unless `key` is another."""

    ticket: str
    step: str
    subscription: str
    key: str


@dataclass(frozen=True, slots=True)
class Told:
    """An order, and what came of it: `answer` is the subscription and its version, `code` that of a refusal or of a
    failure; neither is there where the client was killed before it heard."""

    order: Order
    answer: tuple[str, int] | None = None
    code: str | None = None


class Diary:
    """One file, written to by any number of threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def send(self, order: Order) -> None:
        """It is sent now."""
        self._append({"order": asdict(order)})

    def hear(self, order: Order, *, answer: tuple[str, int] | None = None, code: str | None = None) -> None:
        """It was answered, refused, or failed."""
        self._append({"ticket": order.ticket, "answer": answer, "code": code})

    def read(self) -> Sequence[Told]:
        """Every order that was sent, with what came of it."""
        told: dict[str, Told] = {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if "order" in entry:
                order = Order(**entry["order"])
                told[order.ticket] = Told(order)
            else:
                answer = tuple(entry["answer"]) if entry["answer"] else None
                told[entry["ticket"]] = Told(told[entry["ticket"]].order, answer, entry["code"])
        return list(told.values())

    def _append(self, entry: dict[str, object]) -> None:
        os.write(self._file, f"{json.dumps(entry)}\n".encode())
