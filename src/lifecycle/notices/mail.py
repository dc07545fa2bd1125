"""A letter as an e-mail: the same message gives the same bytes, by its id, however often it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from lifecycle.documents.words import harmless
from lifecycle.notices.letters import Letter

LONGEST_SUBJECT = 200
CLOCK = "X-Lifecycle-Clock"
"""The header that marks what was sent on a named clock."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes or is written to."""

    address: str
    name: str = ""

    def header(self) -> Address:
        """The same as a header has it: in one line, and with nothing that turns the direction of writing."""
        local, _, domain = _ascii(self.address).rpartition("@")
        return Address(harmless(self.name), local, domain)


@dataclass(frozen=True, slots=True)
class Mail:
    """What is sent to whom. `id` is that of the message of the outbox; `written_at` when that was recorded."""

    id: str
    kind: str
    sender: Person
    to: Person
    letter: Letter
    written_at: datetime
    reply_to: Person | None = None
    clock: str | None = None

    @property
    def needs_utf8(self) -> bool:
        """Whether an address can't be written in ASCII."""
        return not all(_ascii(one.address).isascii() for one in (self.sender, self.to, self.reply_to) if one)

    def as_message(self) -> EmailMessage:
        """The text first, then the page of HTML. Nothing answers it by itself, for it says that it was generated."""
        kind = policy.SMTPUTF8 if self.needs_utf8 else policy.SMTP
        message = EmailMessage(policy=kind)
        sender = self.sender.header()
        message["From"] = sender
        message["To"] = self.to.header()
        if self.reply_to is not None:
            message["Reply-To"] = self.reply_to.header()
        message["Subject"] = harmless(self.letter.subject)[:LONGEST_SUBJECT]
        message["Date"] = format_datetime(self.written_at)
        message["Message-ID"] = f"<{self.id}@{sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Lifecycle-Kind"] = harmless(self.kind)
        if self.clock is not None:
            message[CLOCK] = harmless(self.clock)
        message.set_content(self.letter.text)
        message.add_alternative(self.letter.html, subtype="html")
        message.set_boundary(f"=_{self.id}")
        return message


def _ascii(address: str) -> str:
    """With the domain as the DNS has it; the rest as it is. Raises ValueError."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    from email_validator import validate_email  # noqa: PLC0415  # slow to import, and seldom needed

    return f"{local}{at}{validate_email(f'a@{domain}', check_deliverability=False, test_environment=True).ascii_domain}"
