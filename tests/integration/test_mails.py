"""Notices as mails: what is written of real transitions, to whom, in whose language, and into which files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from lifecycle import Lifecycle, Refused, Undeliverable, VirtualClock
from lifecycle.app.mailbox import FileMailbox
from lifecycle.app.mailer import Mailer
from lifecycle.engine.outbox import Message
from lifecycle.engine.relay import Relayed, message_of
from lifecycle.notices import example
from lifecycle.store import schema
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


def flat(mail: EmailMessage) -> str:
    """The same in one line."""
    return " ".join(text(mail).split())


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


def test_a_year_of_a_customers_is_told_as_it_happens(shop: Shop) -> None:
    """Seats, tokens, a change that is planned and comes, a renewal, a cancellation, the end (G2, I26)."""
    subscriptions = shop.lifecycle.subscriptions
    held = subscriptions.create("acme", plan="team", interval="month", by=ANN)
    subscriptions.add_seats(held.id, 2, by=ANN)
    subscriptions.change(held.id, seats=4, by=ANN)
    subscriptions.withdraw_change(held.id, by=ANN)
    assert [mail["Subject"] for mail in shop.mails()] == [
        "Welcome to Team",
        "You have 5 seats of Team now",
        "A change of your subscription is planned",
        "The planned change of your subscription was withdrawn",
    ]
    shop.until("2026-02-28T09:00+00:00")
    ahead, renewed = shop.mails()
    assert ahead["Subject"] == "Your subscription renews on February 28, 2026"
    assert renewed["Subject"] == "Your subscription to Team was renewed"
    assert "from February 28, 2026 to March 30, 2026. Thank you for your payment of $140.00." in flat(renewed)
    assert "Payment method: Sandbox •••• 4242" in text(renewed)
    subscriptions.cancel(held.id, by=ANN)
    subscriptions.withdraw_cancellation(held.id, by=ANN)
    subscriptions.cancel(held.id, by=ANN)
    assert [mail["Subject"] for mail in shop.mails()] == [
        "Your subscription ends on March 31, 2026",
        "Your subscription goes on",
        "Your subscription ends on March 31, 2026",
    ]
    shop.until("2026-04-01T00:00+00:00")
    [ended] = shop.mails()
    # 31 March, 09:00 UTC: since the 29th it is summer time in Paris, and the boundary stays at 10 o'clock there
    assert "ended on March 31, 2026, 10:00 AM (Europe/Paris)" in flat(ended).replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_a_payment_that_fails_is_told_and_that_it_was_made_after_all(shop: Shop) -> None:
    """With the day of the next attempt, three days later (G2)."""
    shop.lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
    shop.mails()
    shop.lifecycle.payment_methods.add("acme", "declines")
    shop.until("2026-02-28T09:00+00:00")
    _ahead, failed = shop.mails()
    assert failed["Subject"] == "Your payment of $50.00 has failed"
    assert "Otherwise we try again on March 3, 2026." in text(failed)
    shop.lifecycle.payment_methods.add("acme", "ok")
    [recovered] = shop.mails()
    assert recovered["Subject"] == "Your payment of $50.00 was made"
    assert "Invoice: INV-000002" in text(recovered)


def test_a_mail_tells_what_was_true_when_it_happened(shop: Shop) -> None:
    """Bought with 5 seats, it says so after there are 7; a name is the one of now (X319)."""
    held = shop.lifecycle.subscriptions.create("acme", plan="team", interval="month", seats=5, by=ANN)
    shop.lifecycle.subscriptions.add_seats(held.id, 2, by=ANN)
    shop.lifecycle.accounts.edit("acme", name="Acme Holding", by=ANN)
    first, second = shop.mails()
    assert ("Seats: 5" in text(first), "Seats: 7" in text(second)) == (True, True)
    assert "the account Acme Holding." in flat(first)


def test_who_was_erased_or_removed_is_not_written_to(shop: Shop) -> None:
    """Their messages are dead letters that say why (X319, A2)."""
    lifecycle = shop.lifecycle
    lifecycle.members.add("acme", BOB, by=ANN)
    lifecycle.members.remove("acme", BOB, by=ANN)
    assert lifecycle.relay_outbox() == Relayed(dead=1)
    [bobs] = lifecycle.outbox.list(destination="mail")
    assert bobs.error == "lifecycle.engine.outbox.Undeliverable: The member is not of the account any more."
    held = lifecycle.subscriptions.create("acme", plan="flexible", by=ANN)
    lifecycle.subscriptions.cancel(held.id, when="now", by=ANN)
    lifecycle.accounts.close("acme", by="operator")
    lifecycle.accounts.delete("acme", by="operator")
    assert shop.mails() == []
    assert {one.error for one in lifecycle.outbox.list(destination="mail", status="dead")[1:]} == {
        "lifecycle.engine.outbox.Undeliverable: The account has been erased: there is nobody to send it to."
    }


def test_an_account_has_a_language(shop: Shop) -> None:
    """Its own, else the configured one; one that nobody knows is refused (X321)."""
    lifecycle = shop.lifecycle
    globex = lifecycle.accounts.create("globex", email=BOB, zone="Europe/Berlin", language="DE_at")
    assert globex.language == "de-AT"
    lifecycle.subscriptions.create("globex", plan="basic", by=BOB)
    [mail] = shop.mails()
    assert "Trial ends: 14. Februar 2026" in text(mail)
    assert lifecycle.accounts.edit("globex", language="", by=BOB).language is None
    for language in ("klingon", "x", "de-XX-!"):
        with pytest.raises(Refused) as refusal:
            lifecycle.accounts.edit("globex", language=language, by=BOB)
        assert refusal.value.code == "invalid"


def test_each_mail_for_a_password_has_a_token_that_works(shop: Shop) -> None:
    """The mail's, and the one that the caller got; one that is used ends them all (X323)."""
    members = shop.lifecycle.members
    members.add("acme", BOB, first_name="Bob", by=ANN)
    [invited] = shop.mails()
    assert (invited["To"], invited["Subject"]) == ("Bob <bob@acme.test>", "You have been invited to Acme Ltd")
    returned = members.resend_password_email("acme", BOB, by=ANN)
    members.resend_password_email("acme", BOB, by=ANN)
    tokens = [line.strip() for mail in shop.mails() for line in text(mail).splitlines() if line.startswith("    ")]
    assert len({*tokens, returned.token}) == 3
    assert members.redeem(tokens[0]).state == "enabled"
    for token in (*tokens, returned.token):
        with pytest.raises(Refused) as refusal:
            members.redeem(token)
        assert refusal.value.code == "token_unknown"
    with shop.lifecycle.database.reading() as connection:
        stored = connection.scalars(select(schema.outbox.c.payload)).all()
    assert not [token for token in tokens if token in str(stored)]


def test_a_mail_is_one_file_however_often_it_is_sent(shop: Shop) -> None:
    """Killed between the file and the record, the next delivery writes the same bytes (X322, X328)."""
    shop.lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ANN)
    [message] = shop.lifecycle.outbox.list(destination="mail")
    mailer = Mailer(shop.lifecycle._context, FileMailbox(shop.folder))
    mailer.deliver(message_of(message))
    [file] = shop.folder.iterdir()
    before = file.read_bytes()
    assert file.name == f"{message.id}.eml"
    assert shop.lifecycle.relay_outbox() == Relayed(delivered=1)
    assert [one.read_bytes() for one in shop.folder.iterdir()] == [before]


def test_what_concerns_no_account_is_told_to_who_runs_it(database_url: str, tmp_path: Path) -> None:
    """`mail.operator`, else the seller; where nobody is named it is a dead letter (X318)."""
    payload = {**example.payload("webhook_paused"), "account": None}
    message = Message("out_1", "mail", "webhook_paused", payload, "whk_1", "whk_1", datetime.fromisoformat(START), 1)
    for told, to in (({"MAIL__OPERATOR": BOB}, BOB), ({"SELLER__EMAIL": ANN}, ANN), ({}, None)):
        its = {f"LIFECYCLE_{name}": value for name, value in told.items()}
        with travelling(database_url, START, **its) as (lifecycle, _):
            mailer = Mailer(lifecycle._context, FileMailbox(tmp_path))
            if to is None:
                with pytest.raises(Undeliverable, match=r"mail\.operator"):
                    mailer.deliver(message)
            else:
                mailer.deliver(message)
                assert f"To: {to}\r\n".encode() in (tmp_path / "out_1.eml").read_bytes()
