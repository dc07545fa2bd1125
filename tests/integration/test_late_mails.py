"""Late notices: one mail tells those of an account, decided once and for good, whatever crashes around it (rule G2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from lifecycle import Lifecycle, VirtualClock
from lifecycle.app.mailer import Mailer
from lifecycle.engine.outbox import Message, TryLater
from lifecycle.engine.relay import Relayed, message_of
from lifecycle.notices.mail import Mail
from lifecycle.store.outbox import SqlOutbox
from lifecycle.verify import verify
from tests.integration.world import travelling

pytestmark = pytest.mark.sampled

START = "2026-01-31T09:00+00:00"
ANN = "ann@acme.test"


class Desk:
    """Takes mails, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.mails: list[Mail] = []
        self.fails = fails

    def __call__(self, message: Message) -> None:
        """Nothing but mails comes here."""
        raise AssertionError(message)

    def send(self, mail: Mail) -> None:
        """Take one."""
        self.mails.append(mail)
        if self.fails:
            raise OSError("the server has died")

    @property
    def subjects(self) -> list[str]:
        """Of what has come."""
        return [mail.letter.subject for mail in self.mails]


def a_mail_server_was_away(lifecycle: Lifecycle, clock: VirtualClock) -> str:
    """On 31 January acme buys five seats and plans to have four, on 2 February it has two more; nobody delivers."""
    lifecycle.accounts.create("acme", email=ANN, name="Acme", zone="Europe/Paris", payment_method=True)
    held = lifecycle.subscriptions.create("acme", plan="team", interval="month", seats=5, by=ANN)
    lifecycle.subscriptions.change(held.id, seats=4, by=ANN)
    lifecycle.members.add("acme", "bob@acme.test", by=ANN)
    clock.move_to(datetime.fromisoformat("2026-02-02T09:00+00:00"))
    lifecycle.subscriptions.add_seats(held.id, 2, by=ANN)
    return held.id


def served_by(lifecycle: Lifecycle, desk: Desk) -> None:
    """Have this desk take the mails."""
    lifecycle.destination("mail")(Mailer(lifecycle._context, desk).deliver)


def statuses(lifecycle: Lifecycle) -> list[tuple[str, str]]:
    """Each notice and how it stands."""
    return [(one.kind, one.status) for one in lifecycle.notices.sent()]


def test_what_is_more_than_two_days_late_comes_in_one_mail(database_url: str) -> None:
    """On 2 February, 9 o'clock and a second, two of three are late; the third is not, and neither is a mail to somebody
    else (G2, X326, X329)."""
    with travelling(database_url, START) as (lifecycle, clock):
        a_mail_server_was_away(lifecycle, clock)
        desk = Desk()
        served_by(lifecycle, desk)
        clock.move_to(datetime.fromisoformat("2026-02-02T09:00:01+00:00"))
        lifecycle.relay_outbox()
        assert sorted(desk.subjects) == [
            "2 messages about your account",
            "You have 7 seats of Team now",
            "You have been invited to Acme",
        ]
        [late] = [mail for mail in desk.mails if mail.letter.subject.startswith("2 ")]
        assert "* January 31, 2026: Welcome to Team\n" in late.letter.text
        assert "* January 31, 2026: A change of your subscription is planned\n" in late.letter.text
        first, second, *_ = lifecycle.notices.sent(account="acme")
        assert (first.status, first.merged_into) == ("delivered", None)
        assert (second.status, second.merged_into, second.attempts) == ("merged", first.id, 0)
        assert second.sent_at == datetime.fromisoformat("2026-02-02T09:00:01+00:00")
        assert verify(lifecycle.database).findings == ()


def test_what_is_leased_together_is_merged_too(database_url: str) -> None:
    """Two free subscriptions of one account, each the first in its line (X326)."""
    two = {"FAMILY": "other", "PRICES": '{month: "0.00"}'}
    plans = {f"LIFECYCLE_CATALOG__PLANS__BASIC__{name}": value for name, value in two.items()}
    with travelling(database_url, START, **plans) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN)
        lifecycle.subscriptions.create("acme", plan="flexible", by=ANN)
        lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
        desk = Desk()
        served_by(lifecycle, desk)
        clock.move_to(datetime.fromisoformat("2026-02-03T09:00+00:00"))
        lifecycle.relay_outbox()
        assert desk.subjects == ["2 messages about your account"]
        assert [status for _, status in statuses(lifecycle)] == ["delivered", "merged"]
        assert verify(lifecycle.database).findings == ()


def test_notices_of_two_subscriptions_come_in_one_mail(database_url: str) -> None:
    """Each is the first in the line of its root, and all are of one account (G2)."""
    with travelling(database_url, START) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        for _ in range(2):
            sub = lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN).id
            lifecycle.subscriptions.cancel(sub, when="now", by=ANN)
        clock.move_to(clock.now() + timedelta(days=4))
        desk = Desk()
        served_by(lifecycle, desk)
        lifecycle.relay_outbox()
        assert len(desk.subjects) == 1
        assert [status for _, status in statuses(lifecycle)] == ["delivered", "merged", "merged", "merged"]


def test_a_late_notice_waits_for_an_earlier_one_that_another_relay_has(database_url: str) -> None:
    """Which is about to tell it: so that two relays do not tell one account in two mails."""
    with travelling(database_url, START) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        for _ in range(2):
            sub = lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN).id
            lifecycle.subscriptions.cancel(sub, when="now", by=ANN)
        clock.move_to(now := clock.now() + timedelta(days=4))
        [first] = SqlOutbox(lifecycle.database).claim(["mail"], now, now + timedelta(minutes=1), 1)
        desk = Desk()
        served_by(lifecycle, desk)
        assert lifecycle.relay_outbox() == Relayed(postponed=1)
        assert (first.kind, desk.subjects) == ("subscribed", [])
        clock.move_to(now + timedelta(minutes=1))  # that relay has died
        lifecycle.relay_outbox()
        assert len(desk.subjects) == 1


def test_two_days_are_not_late(database_url: str) -> None:
    """At the second itself all come by themselves (G2)."""
    with travelling(database_url, START) as (lifecycle, clock):
        a_mail_server_was_away(lifecycle, clock)
        desk = Desk()
        served_by(lifecycle, desk)
        lifecycle.relay_outbox()
        assert len(desk.mails) == 4
        assert not [subject for subject in desk.subjects if "messages" in subject]


def test_a_late_one_alone_is_an_ordinary_mail(database_url: str) -> None:
    """And stays alone, whatever is late by the time that it is repeated (X326)."""
    with travelling(database_url, START) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        held = lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ANN)
        desk = Desk(fails=True)
        served_by(lifecycle, desk)
        clock.move_to(datetime.fromisoformat("2026-02-03T09:00+00:00"))
        assert lifecycle.relay_outbox() == Relayed(failed=1)
        lifecycle.subscriptions.add_seats(held.id, 1, by=ANN)
        clock.move_to(datetime.fromisoformat("2026-02-07T09:00+00:00"))
        desk.fails = False
        lifecycle.relay_outbox()
        assert desk.subjects == ["Welcome to Team", "Welcome to Team", "You have 4 seats of Team now"]


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_crash_repeats_the_same_mail(database_url: str, dies: str) -> None:
    """Between the decision and the mail, and between the mail and its record: the same bytes, though more is late by
    then; an operator's retry too (X322, X326)."""
    with travelling(database_url, START) as (lifecycle, clock):
        held = a_mail_server_was_away(lifecycle, clock)
        clock.move_to(datetime.fromisoformat("2026-02-03T09:00+00:00"))
        desk = Desk(fails=dies == "before")
        first = lifecycle.notices.sent(account="acme")[0].id
        mailer = Mailer(lifecycle._context, desk)
        leased = message_of(lifecycle.outbox.get(first))
        if dies == "before":
            with pytest.raises(OSError, match="died"):
                mailer.deliver(leased)
        else:
            mailer.deliver(leased)
        desk.fails = False
        lifecycle.subscriptions.add_seats(held, 1, by=ANN)
        clock.move_to(datetime.fromisoformat("2026-02-10T09:00+00:00"))
        served_by(lifecycle, desk)
        lifecycle.outbox.retry(first, reason="the server is back")
        lifecycle.relay_outbox()
        ours = [mail.as_message().as_bytes() for mail in desk.mails if mail.id == first]
        assert len(ours) == 2
        assert ours[0] == ours[1]
        assert desk.subjects.count("2 messages about your account") == 3  # of the later two as well
        told = [one for one in lifecycle.notices.sent(account="acme") if one.kind != "member_invited"]
        assert [one.merged_into for one in told] == [None, first, None, told[2].id]
        assert verify(lifecycle.database).findings == ()


def test_what_is_late_waits_for_what_is_still_to_fire(database_url: str) -> None:
    """The daemon was away from January to April, and fires one transition at a time: one mail tells of two renewals of
    each of two free subscriptions (X327)."""
    two = {"FAMILY": "other", "PRICES": '{month: "0.00"}'}
    plans = {f"LIFECYCLE_CATALOG__PLANS__BASIC__{name}": value for name, value in two.items()}
    with travelling(database_url, START, LIFECYCLE_SCHEDULER__BATCH="1", **plans) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        lifecycle.subscriptions.create("acme", plan="flexible", interval="month", by=ANN)
        lifecycle.subscriptions.create("acme", plan="basic", interval="month", trial=False, by=ANN)
        desk = Desk()
        served_by(lifecycle, desk)
        lifecycle.relay_outbox()
        now = datetime.fromisoformat("2026-04-10T09:00+00:00")
        clock.move_to(now)
        lifecycle.engine.fire_batch()
        assert lifecycle.relay_outbox().delivered == 0
        assert statuses(lifecycle)[2:] == [("renewed", "waiting")]
        lifecycle.fire_due()
        lifecycle.relay_outbox()
        clock.move_to(now + timedelta(seconds=5))
        lifecycle.relay_outbox()
        assert desk.subjects == ["Welcome to Flexible", "Welcome to Basic", "4 messages about your account"]
        told = desk.mails[2].letter.text
        assert [told.count(f"* {day}, 2026: ") for day in ("February 28", "March 31")] == [2, 2]
        assert told.rindex("* February 28") < told.index("* March 31")


def test_it_waits_ten_minutes_at_most(database_url: str) -> None:
    """From when its message was written: what is held up longer is told later (X327)."""
    with travelling(database_url, START) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        lifecycle.subscriptions.create("acme", plan="flexible", by=ANN)
        clock.move_to(datetime.fromisoformat("2026-04-10T09:00+00:00"))
        desk = Desk()
        [message] = lifecycle.outbox.list(destination="mail")
        recent = message_of(message)
        with pytest.raises(TryLater):
            Mailer(lifecycle._context, desk).deliver(_written(recent, "2026-04-10T08:50:01+00:00"))
        Mailer(lifecycle._context, desk).deliver(_written(recent, "2026-04-10T08:50:00+00:00"))
        assert desk.subjects == ["Welcome to Flexible"]


def test_on_a_named_clock_each_has_its_own_file(database_url: str, tmp_path: Path) -> None:
    """Which says so, in the file mailbox, whatever serves mail otherwise (X326, X328, X85)."""
    folder = str(tmp_path)
    smtp = {"LIFECYCLE_MAIL__USE": "smtp", "LIFECYCLE_MAIL__FROM": ANN, "LIFECYCLE_MAIL__SMTP": "{host: nowhere.test}"}
    with travelling(database_url, START, LIFECYCLE_CLOCKS__ALLOWED="true", LIFECYCLE_MAIL__PATH=folder, **smtp) as (
        lifecycle,
        _,
    ):
        lifecycle.clocks.create("qa", at="2026-01-31")
        lifecycle.accounts.create("test", email=ANN, payment_method=True, clock="qa")
        lifecycle.subscriptions.create("test", plan="team", interval="month", by=ANN)
        lifecycle.clocks.advance("qa", "2026-04-10")
        mails = [
            message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(tmp_path.glob("*.eml"))
        ]
        assert [(mail["X-Lifecycle-Kind"], mail["X-Lifecycle-Clock"]) for mail in mails] == [
            ("subscribed", "qa"),
            ("renewal_ahead", "qa"),
            ("renewed", "qa"),
            ("renewal_ahead", "qa"),
            ("renewed", "qa"),
        ]
        assert all(isinstance(mail, EmailMessage) for mail in mails)


def _written(message: Message, instant: str) -> Message:
    """As if it had been written then."""
    return replace(message, created_at=datetime.fromisoformat(instant))
