"""Mail by SMTP, from the standard library: a connection for each mail, encrypted and with the certificate checked.

What the server refuses for good is this mail's trouble only if it is about its addressee or its content; everything
else is the server's, and is tried again. Nothing takes longer than the configured time, however slowly a server drips.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer

from lifecycle.app.reaching import Resolve, by_system, connected, resolved
from lifecycle.config.model import SmtpSettings
from lifecycle.engine.clock import stopwatch
from lifecycle.engine.outbox import Message, Undeliverable
from lifecycle.notices.mail import Mail

PERMANENT = range(500, 600)


class SmtpPost:
    """Sends by one server; `resolve` answers for its name."""

    def __init__(self, settings: SmtpSettings, *, resolve: Resolve = by_system) -> None:
        self._settings = settings
        self._resolve = resolve

    def __call__(self, message: Message) -> None:
        """Raises Undeliverable: a host's own messages have no text that could be mailed."""
        raise Undeliverable(f"{message.kind!r} is no notice, so that there is nothing to mail: serve its destination.")

    def send(self, mail: Mail) -> None:
        """Send it. Raises Undeliverable, OSError and SMTPException."""
        message = mail.as_message()
        with self._connected(mail.sender.header().domain) as server:
            try:
                server.send_message(message)
            except smtplib.SMTPRecipientsRefused as error:
                [(code, told)] = error.recipients.values()
                _give_up_or_fail(code, told, error)
            except smtplib.SMTPDataError as error:
                _give_up_or_fail(error.smtp_code, error.smtp_error, error)
            except smtplib.SMTPNotSupportedError as error:
                raise Undeliverable("The server takes no address with such letters (SMTPUTF8).") from error

    @contextmanager
    def _connected(self, name: str) -> Iterator[smtplib.SMTP]:
        """A session with the server, in which somebody is logged in; it ends when the time is up."""
        settings = self._settings
        server = _Server(settings, name, self._resolve)
        timer = Timer(settings.timeout.timedelta.total_seconds(), server.cut)
        timer.daemon = True
        timer.start()
        try:
            server.connect(settings.host, settings.port)
            if settings.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.user is not None and settings.password is not None:
                server.login(settings.user, settings.password)
            yield server
            with suppress(OSError):  # SMTPException too; it has been sent, whatever the server says to the good-bye
                server.quit()
        except (OSError, ValueError) as error:
            if server.was_cut:
                raise TimeoutError(f"The mail server took longer than {settings.timeout}.") from error
            raise
        finally:
            timer.cancel()
            server.close()


class _Server(smtplib.SMTP):
    """A connection that another thread can cut, from its first byte on."""

    def __init__(self, settings: SmtpSettings, name: str, resolve: Resolve) -> None:
        super().__init__(local_hostname=name, timeout=settings.timeout.timedelta.total_seconds())
        self._host = settings.host  # what a certificate is held against, by STARTTLS too
        self._is_encrypted = settings.tls == "implicit"
        self._resolve = resolve
        self._line: socket.socket | None = None
        self.was_cut = False

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        end = stopwatch() + timeout
        raw = connected(resolved(self._resolve, host, port, end), port, end)
        self._line = raw.dup()  # the socket itself is gone from our hands while TLS is being agreed upon
        if self.was_cut:
            raise TimeoutError
        return ssl.create_default_context().wrap_socket(raw, server_hostname=host) if self._is_encrypted else raw

    def cut(self) -> None:
        """End it, whatever it waits for."""
        self.was_cut = True
        if self._line is not None:
            with suppress(OSError):  # it has ended by itself
                self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        super().close()
        if self._line is not None:
            self._line.close()


def _give_up_or_fail(code: int, told: bytes | str, error: smtplib.SMTPException) -> None:
    if code in PERMANENT:
        said = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
        raise Undeliverable(f"The mail server refuses it for good: {code} {said}") from error
    raise error
