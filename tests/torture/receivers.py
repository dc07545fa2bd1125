"""A mail server and a receiver of webhooks, each a process of its own, with moods.

Run as `python -m tests.torture.receivers smtp|http PORT BOOK MOODS`. Each message is met with the next of the moods,
which come round again: `ok`, an answer such as `451` or `503`, `hang` (no answer for a while), `late` (taken, and no
answer for a while). What is taken is noted in the book, a line for each: its id and a digest of all that was received.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import SMTP
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import Protocol

from aiosmtpd.controller import Controller

HANG = 4.0
"""Seconds: longer than anybody who delivers waits."""


class Session(Protocol):
    """What aiosmtpd tells of an envelope."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """Something that a receiver has taken: the id under which it came, and a digest of what it says."""

    id: str
    digest: str


class Book:
    """What was taken; a line is written by one system call, before the sender is told."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def note(self, identifier: str, said: bytes) -> None:
        """This has been taken."""
        line = json.dumps({"id": identifier, "digest": sha256(said).hexdigest()})
        os.write(self._file, f"{line}\n".encode())


def read(path: Path) -> Mapping[str, list[str]]:
    """The digests of what was taken, by id, in the order in which it came."""
    taken: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        noted = json.loads(line)
        taken[noted["id"]].append(noted["digest"])
    return taken


class Mailbox:
    """A handler of aiosmtpd's."""

    def __init__(self, book: Book, moods: Iterator[str]) -> None:
        self._book, self._moods = book, moods

    async def handle_DATA(self, _server: object, _session: object, envelope: Session) -> str:  # noqa: N802  # its name
        """Take a mail, or not."""
        mood = next(self._moods)
        if mood == "hang":
            await asyncio.sleep(HANG)
        if mood not in ("ok", "late"):
            return f"{mood} 4.3.0 not now" if mood.isdecimal() else "421 4.3.0 closing"
        message = message_from_bytes(envelope.content, policy=SMTP)
        body = message.get_body(("plain",))
        said = f"{message['Subject']}\n{body.get_content() if body else ''}"
        self._book.note(str(message["Message-ID"]).strip("<>").partition("@")[0], said.encode())
        if mood == "late":
            await asyncio.sleep(HANG)
        return "250 OK"


def _http(book: Book, moods: Iterator[str], port: int) -> None:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            mood = next(moods)
            said = self.rfile.read(int(self.headers["content-length"]))
            if mood == "hang":
                time.sleep(HANG)
            if mood in ("ok", "late"):
                book.note(str(self.headers["webhook-id"]), said)
                if mood == "late":
                    time.sleep(HANG)
            self.send_response(int(mood) if mood.isdecimal() else 204)
            self.end_headers()

        def log_message(self, *_said: object) -> None:
            """Nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()


def _smtp(book: Book, moods: Iterator[str], port: int) -> None:
    controller = Controller(Mailbox(book, moods), hostname="127.0.0.1", port=port)
    controller.start()
    while True:
        time.sleep(60)


def main(which: str, port: str, book: str, moods: str) -> None:
    """Serve until death."""
    serve = {"smtp": _smtp, "http": _http}[which]
    serve(Book(Path(book)), cycle(moods.split(",")), int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
