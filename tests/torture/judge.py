"""Whether all is well after everything: the log against the calendar and the clients' diary, and the verifier."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from lifecycle import Lifecycle
from lifecycle.errors import Refused
from lifecycle.store import schema
from lifecycle.verify import verify
from tests.torture.client import carry_out
from tests.torture.diary import Diary, Told
from tests.torture.shop import Event, foretold, lifecycle_on

UNAVAILABLE = "failed: database_unavailable"
"""What a client hears of a database in trouble."""


@dataclass(frozen=True, slots=True)
class Logged:
    """What is stored of the commands with one ticket: the version that each led to, and how many of its keys."""

    versions: list[tuple[str, int]]
    keys: int


def judge(url: str, diary: Diary, *, forgiven: tuple[str, ...] = ()) -> Counter[str]:
    """Fire what is still due, then assert that history is whole, each cycle fired once, and each acknowledged command
    is in the log once; what was in flight is there whole, or not at all, and is done once when it is sent again.
    `forgiven` are the codes of failures that count as in flight. Returns what came of the orders."""
    told = diary.read()
    outcomes = Counter(_outcome(one, forgiven) for one in told)
    assert not [code for code in outcomes if code.startswith("failed")], outcomes
    with lifecycle_on(url, batch=500) as lifecycle:
        assert lifecycle.fire_due() > 0, "nothing was due any more: the trouble came too late"
        assert lost_or_half(lifecycle, told) == []
        assert sent_again(lifecycle, [one for one in told if _outcome(one, forgiven) == "in flight"]) == []
    assert_whole(url)
    return outcomes


def assert_whole(url: str) -> None:
    """Each cycle that is due has fired once, on its date, and the verifier finds nothing."""
    with lifecycle_on(url) as lifecycle:
        assert wrong_cycles(lifecycle) == {}
        assert verify(lifecycle.database, now=lifecycle.clock.now()).findings == ()


def wrong_cycles(lifecycle: Lifecycle) -> dict[str, tuple[list[Event], list[Event]]]:
    """The subscriptions on which something else fired by itself than the calendar foretells: what did, and should."""
    log = schema.log.c
    now = lifecycle.clock.now()
    fired: dict[str, list[Event]] = defaultdict(list)
    bought: dict[str, datetime] = {}
    with lifecycle.database.reading() as connection:
        query = select(log.root_id, log.event, log.due_at, log.cause).order_by(log.root_id, log.seq)
        for root, event, due_at, cause in connection.execute(query):
            if event == "subscribed":
                bought[root] = due_at
            elif cause == "deferral" and event != "reminded":
                fired[root].append((event, due_at))
    views = {view.id: view for view in lifecycle.subscriptions.list()}
    assert views.keys() == bought.keys()
    right = {root: foretold(start, views[root].zone, views[root].plan, now) for root, start in bought.items()}
    return {root: (fired[root], events) for root, events in right.items() if fired[root] != events}


def lost_or_half(lifecycle: Lifecycle, told: Sequence[Told]) -> list[tuple[Told, Logged]]:
    """Acknowledged orders that are not in the log once with that very version, refused ones that are, and any of which
    one row is there and another is not."""
    stored = _stored(lifecycle)
    wrong = []
    for one in told:
        logged = stored.get(one.order.ticket, Logged([], 0))
        own_key = one.order.key == one.order.ticket
        if one.answer:
            right = logged.versions == [one.answer]
        else:
            right = len(logged.versions) <= (one.code is None or one.code == UNAVAILABLE)
        if not right or (own_key and logged.keys != len(logged.versions)):
            wrong.append((one, logged))
    return wrong


def sent_again(lifecycle: Lifecycle, told: Sequence[Told]) -> list[tuple[Told, Logged]]:
    """Send these orders again, with their keys: each is then in the log once, with the version that it was answered
    now, which is that of before if it was there; a refused one is not. Those for which that is not so."""
    wrong, before = [], _stored(lifecycle)
    answers: dict[str, tuple[str, int] | None] = {}
    again = [one for one in told if one.order.key == one.order.ticket]
    for one in again:
        try:
            answer = carry_out(lifecycle, one.order)
        except Refused:
            answers[one.order.ticket] = None
        else:
            answers[one.order.ticket] = (answer.id, answer.version)
    after = _stored(lifecycle)
    for one in again:
        ticket = one.order.ticket
        answered, now = answers[ticket], after.get(ticket, Logged([], 0))
        stays = ticket not in before or before[ticket] == now
        if not stays or now.versions != ([answered] if answered else []):
            wrong.append((one, now))
    return wrong


def _outcome(told: Told, forgiven: tuple[str, ...]) -> str:
    if told.answer:
        return "acknowledged"
    return "in flight" if told.code is None or told.code in forgiven else told.code


def _stored(lifecycle: Lifecycle) -> dict[str, Logged]:
    """By ticket, for a ticket is the reason of its command."""
    log, reasons, answers = schema.log.c, schema.reasons.c, schema.answers.c
    stored: dict[str, Logged] = {}
    with lifecycle.database.reading() as connection:
        keys = Counter(connection.scalars(select(answers.key)))
        written = {row.id: row.text for row in connection.execute(select(reasons.id, reasons.text))}
        query = select(log.reason_id, log.root_id, log.seq).where(log.reason_id.is_not(None))
        for reason, root, seq in connection.execute(query):
            ticket = written.pop(reason)
            stored.setdefault(ticket, Logged([], keys[ticket])).versions.append((root, seq))
    assert written == {}, "reasons without a row of the log"
    return stored
