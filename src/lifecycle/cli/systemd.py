"""What systemd is told of the daemon, by its protocol `sd_notify`: one datagram to the socket it names.

Without such a socket nothing is told, and one that fails hurts nobody. The watchdog is fed from the dispatcher's own
loop, so that a loop that hangs is noticed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta


class Systemd:
    """The service manager that has started this process, if one has."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog = _watchdog(environ) if self._address else None
        """How long it waits for a sign of life before it ends the process; None: for ever."""

    def ready(self) -> None:
        """The scheduler runs."""
        self._tell("READY=1")

    def looked(self, next_wake_at: datetime | None) -> None:
        """The loop has turned."""
        self.alive(_status(next_wake_at))

    def alive(self, status: str) -> None:
        """All goes on; `status` is for people."""
        self._tell("WATCHDOG=1", f"STATUS={status}")

    def stopping(self) -> None:
        """Nothing more is claimed."""
        self._tell("STOPPING=1", "STATUS=Finishing what is in hand.")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address  # in no file system
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto("\n".join(lines).encode(), address)


def _watchdog(environ: Mapping[str, str]) -> timedelta | None:
    microseconds, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    is_meant = pid in ("", str(os.getpid()))
    if not (is_meant and microseconds.isascii() and microseconds.isdigit() and int(microseconds)):
        return None
    return timedelta(microseconds=int(microseconds))


def _status(next_wake_at: datetime | None) -> str:
    if next_wake_at is None:
        return "Nothing is deferred."
    return f"Next: {next_wake_at.isoformat(timespec='seconds').replace('+00:00', 'Z')}"
