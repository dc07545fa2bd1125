"""Notices as mails: what is written of real transitions, to whom, in whose language, and into which files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from lifecycle import Lifecycle, VirtualClock
from lifecycle.verify import verify
from tests.integration.world import travelling

pytestmark = pytest.mark.sampled

START = "2026-01-31T09:00+00:00"
ANN, BOB = "ann@acme.test", "bob@acme.test"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop on a virtual clock whose mails are files."""

    lifecycle: Lifecycle
    clock: VirtualClock
    folder: Path

    def mails(self) -> list[EmailMessage]:
        """Those that have come since the last look, in the order of their ids."""
        self.lifecycle.relay_outbox()
        found = []
        for file in sorted(self.folder.glob("*.eml")):
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            assert isinstance(message, EmailMessage)
            found.append(message)
            file.unlink()
        return found

    def kinds(self) -> list[str]:
        """The occasions of the same."""
        return [mail["X-Lifecycle-Kind"] for mail in self.mails()]

    def until(self, instant: str) -> None:
        """All fires that is due by then."""
        self.lifecycle.advance_to(datetime.fromisoformat(instant))


def text(mail: EmailMessage) -> str:
    """Its text."""
    return _part(mail, "plain")


def html(mail: EmailMessage) -> str:
    """Its page."""
    return _part(mail, "html")


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """With acme in Paris, who pays with a good card."""
    folder = tmp_path / "mail"
    with travelling(database_url, START, LIFECYCLE_MAIL__PATH=str(folder)) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, name="Acme Ltd", zone="Europe/Paris", payment_method=True)
        yield Shop(lifecycle, clock, folder)
        assert verify(lifecycle.database).findings == ()


def test_a_purchase_is_told_to_who_administers_the_account(shop: Shop) -> None:
    """In a mail that anybody can read: the text first, then the page (G2, X318)."""
    shop.lifecycle.subscriptions.create("acme", plan="team", interval="month", seats=5, by=ANN)
    [mail] = shop.mails()
    assert (mail["To"], mail["From"], mail["Subject"]) == (ANN, "Example Ltd <notices@localhost>", "Welcome to Team")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "Your subscription to Team has begun." in text(mail)
    assert "Price: $140.00" in text(mail)  # 100.00 and 2 seats of 20.00 besides the 3 that are included
    assert "Renews on: February 28, 2026" in text(mail)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Sat, 31 Jan 2026 09:00:00 +0000"
