"""A real mail server in a process of its own: `python -m tests.mail_server PORTFILE FOLDER BEHAVIOUR [CERTIFICATE]`.

It keeps what it takes as files. The behaviours: `takes`, `login` (only after one), `implicit` (encrypted from the first
byte), `refuses_to:550`, `refuses_content:554`, `refuses_from:550` (with any code), `hangs` (after the greeting),
`drips` (a byte each tenth of a second), `dies` (after it has taken a mail, before it says so).
"""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Keeper:
    """What happens to a mail."""

    def __init__(self, folder: Path, behaviour: str) -> None:
        self.folder = folder
        self.behaviour, _, self.code = behaviour.partition(":")

    async def handle_MAIL(self, _s: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:  # noqa: N802
        """Who writes."""
        if self.behaviour == "refuses_from":
            return f"{self.code} not from you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _s: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:  # noqa: N802
        """Who is written to."""
        if self.behaviour == "refuses_to":
            return f"{self.code} nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _s: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """What is written."""
        if self.behaviour == "refuses_content":
            return f"{self.code} not this"
        (self.folder / f"{time.monotonic_ns()}.eml").write_bytes(envelope.content)
        if self.behaviour == "dies":
            os._exit(9)
        return "250 OK"


def _authenticated(_s: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"shop", b"secret"), handled=False)


def _drip(listening: socket.socket, *, silent: bool) -> None:
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_slowly, args=(connection, silent), daemon=True).start()


def _slowly(connection: socket.socket, silent: bool) -> None:
    try:
        while not silent:
            connection.sendall(b"2")
            time.sleep(0.1)
        connection.sendall(b"220 here\r\n")
        time.sleep(600)
    except OSError:
        connection.close()  # whoever was there has left


def main() -> None:
    """Serve until killed."""
    port_file, folder, behaviour, *certificate = sys.argv[1:]
    if behaviour in ("hangs", "drips"):
        listening = socket.create_server(("127.0.0.1", 0))
        _tell(Path(port_file), listening.getsockname()[1])
        _drip(listening, silent=behaviour == "hangs")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
    if context is not None:
        context.load_cert_chain(certificate[0])
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    listening.close()
    encrypted: dict[str, Any] = {"ssl_context": context} if behaviour == "implicit" else {"tls_context": context}
    login: dict[str, Any] = {"authenticator": _authenticated, "auth_required": True} if behaviour == "login" else {}
    keeper = Keeper(Path(folder), behaviour)
    controller = Controller(keeper, "127.0.0.1", port, **encrypted, **login, enable_SMTPUTF8=False)
    controller.start()
    _tell(Path(port_file), port)
    threading.Event().wait()


def _tell(file: Path, port: int) -> None:
    unfinished = file.with_suffix(".new")
    unfinished.write_text(str(port))
    unfinished.replace(file)


if __name__ == "__main__":
    main()
