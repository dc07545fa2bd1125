"""What can be asked about an installation, one function a question; `health` and `doctor` ask them in their order.

An answer is a status, a value and a sentence: `warn` wants somebody's eyes, `failed` means that things do not go on.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from lifecycle.app.gateway import make_gateway
from lifecycle.app.loading import unloadable
from lifecycle.app.presence import EVERY, release
from lifecycle.config import Config
from lifecycle.domain.calendar import known_zone
from lifecycle.engine.clock import Clock, VirtualClock
from lifecycle.engine.ids import Ids
from lifecycle.engine.registry import load_machines
from lifecycle.errors import LifecycleError
from lifecycle.store import clocks as clocks_table
from lifecycle.store import daemons as daemons_table
from lifecycle.store import migrate, probe, queries
from lifecycle.store.database import Database
from lifecycle.store.schema import HEAD
from lifecycle.store.transaction import SqlStore

Status = Literal["ok", "warn", "failed"]
Value = str | int | float | None
Answer = tuple[Status, Value, str]

SKEW_WARNS, SKEW_FAILS = timedelta(seconds=1), timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question; `message` says what it means, and what to do unless it is `ok`."""

    name: str
    status: Status
    value: Value
    message: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about. Due for longer than `max_lag` is late."""

    config: Config
    clock: Clock
    database: Database
    max_lag: timedelta


Check = Callable[[Subject], Answer]


def ask(subject: Subject, checks: Sequence[Check], *, standing_on: Sequence[Check]) -> list[Finding]:
    """The findings, in order. Where one that others stand on fails, the list ends with it."""
    found: list[Finding] = []
    for check in checks:
        try:
            answer = check(subject)
        except (LifecycleError, SQLAlchemyError) as error:
            answer = "failed", None, str(error)
        found.append(Finding(check.__name__, *answer))
        if answer[0] == "failed" and check in standing_on:
            break
    return found


# The machine and the installation


def python(_: Subject) -> Answer:
    """Which Python runs which release of this package."""
    return "ok", platform.python_version(), f"Python on {platform.system()}, with release {release()} of this package."


def machines(subject: Subject) -> Answer:
    """Whether what the configuration names can be loaded: machines, and jobs too."""
    problems = list(unloadable(subject.config))
    if problems:
        return "failed", len(problems), " ".join(map(str, problems))
    count = len(subject.config.machines)
    return "ok", count, f"Machines and calendar jobs ({len(subject.config.jobs)}) can be loaded."


# The database


def database(subject: Subject) -> Answer:
    """Whether it can be reached. A file is not made by asking for it."""
    if missing := probe.missing_file(subject.database):
        return "failed", None, f"There is no file {missing} yet. Run: lifecycle db upgrade"
    with subject.database.reading() as connection:
        product = probe.server(connection)
    driver = connection.dialect.driver
    return "ok", product, f"It can be reached, by {driver}{_version_of(driver)}."


def settings(subject: Subject) -> Answer:
    """Whether it is set as the engine needs it."""
    with subject.database.writing() as connection:
        wrong = probe.unsafe_settings(connection)
    if wrong:
        return "failed", len(wrong), f"{'; '.join(wrong)}: commits may be lost. Is the file on a network drive?"
    return "ok", None, "Journal and isolation are as the engine needs them."


def schema(subject: Subject) -> Answer:
    """Whether it has the schema that this release needs."""
    migrate.check(subject.database)
    return "ok", HEAD, "The schema is the one needed."


def writable(subject: Subject) -> Answer:
    """Whether a row can be written; it is taken back."""
    probe.try_to_write(subject.database, subject.clock.now())
    return "ok", None, "A row could be written, and was taken back."


def definitions(subject: Subject) -> Answer:
    """Whether the configured machines know all that is stored."""
    with subject.database.reading() as connection:
        stored = queries.stored_definitions(connection)
    load_machines(subject.config.machines).check_stored(stored)
    return "ok", len(stored), "Every stored version and state has its machine."


def zones(subject: Subject) -> Answer:
    """Whether the machine knows the zones of all accounts."""
    with subject.database.reading() as connection:
        used = {subject.config.zone, *probe.zones(connection)}
    unknown = sorted(zone for zone in used if not known_zone(zone))
    data = f"tzdata{_version_of('tzdata')}"
    if unknown:
        return "failed", data, f"Unknown here: {', '.join(unknown)}. Run: pip install --upgrade tzdata"
    return "ok", data, f"The zones in use are known: {', '.join(sorted(used))}."


def clock(subject: Subject) -> Answer:
    """Whether the database's clock and this machine's agree."""
    before = subject.clock.now()
    with subject.database.reading() as connection:
        shown = probe.clock(connection)
    after = subject.clock.now()
    if shown is None or isinstance(subject.clock, VirtualClock):
        return "ok", 0.0, "The database has no clock of its own."
    apart = abs(shown - (before + (after - before) / 2))
    seconds = round(apart.total_seconds(), 3)
    if apart < SKEW_WARNS:
        return "ok", seconds, "The database's clock and this machine's agree."
    status: Status = "failed" if apart >= SKEW_FAILS else "warn"
    return status, seconds, f"The database's clock and this machine's are {seconds} s apart: one of them is wrong."


# The daemons


def loop(subject: Subject) -> Answer:
    """Whether a daemon is at work: one that was heard within three heartbeats."""
    alive = _alive(subject)
    if not alive:
        return (
            "failed",
            0,
            "No scheduler has been heard for three heartbeats. Run: lifecycle run, or start() in a host",
        )
    return "ok", len(alive), f"At work: {_named(alive)}."


def daemons(subject: Subject) -> Answer:
    """Who is at work, and of which release."""
    alive = _alive(subject)
    others = [daemon for daemon in alive if daemon.release != release()]
    if others:
        return "warn", len(alive), f"Of another release than this, {release()}: {_named(others)}. Restart them."
    if not alive:
        return "warn", 0, "No scheduler is at work. Run: lifecycle run, or start() in a host"
    return "ok", len(alive), f"At work, and of this release: {_named(alive)}."


# What waits


def lag(subject: Subject) -> Answer:
    """How late the earliest due transition is."""
    earliest, now = SqlStore(subject.database).next_wake_at(), subject.clock.now()
    late = max(timedelta(0), now - earliest) if earliest else timedelta(0)
    seconds = round(late.total_seconds(), 3)
    if late > subject.max_lag:
        return "failed", seconds, f"The earliest that is due is {seconds} s late: lifecycle due --overdue"
    return "ok", seconds, f"The earliest that is due is {seconds} s late."


def overdue(subject: Subject) -> Answer:
    """How much has been due for too long."""
    with subject.database.reading() as connection:
        count = probe.due_before(connection, subject.clock.now() - subject.max_lag)
    if count:
        return "warn", count, f"{count} have been due for too long: lifecycle due --overdue"
    return "ok", 0, "Nothing has been due for too long."


def quarantined(subject: Subject) -> Answer:
    """How many roots failed too often, and wait for an operator."""
    count = _kept_aside(subject, "quarantined")
    return (
        ("warn", count, f"{count} wait for an operator: lifecycle quarantine list") if count else _none("quarantined")
    )


def held(subject: Subject) -> Answer:
    """How many roots an operator has stopped."""
    count = _kept_aside(subject, "held")
    return ("ok", count, f"{count} are held by operators: lifecycle due --overdue") if count else _none("held")


def backing_off(subject: Subject) -> Answer:
    """How many roots have failed, and are to be tried again."""
    with subject.database.reading() as connection:
        count = probe.backing_off(connection)
    return ("warn", count, f"{count} have failed, and are tried again: lifecycle due") if count else _none("failing")


def dead_letters(subject: Subject) -> Answer:
    """How much of the outbox was given up."""
    with subject.database.reading() as connection:
        count = probe.outbox(connection).dead
    return (
        ("warn", count, f"{count} were given up: lifecycle outbox list --status dead") if count else _none("given up")
    )


def outbox(subject: Subject) -> Answer:
    """Whether messages wait that nobody fetches: each relay that serves a destination looks every few seconds."""
    with subject.database.reading() as connection:
        count = probe.messages_due_before(connection, subject.clock.now() - subject.max_lag)
    if count:
        hint = "Is the job relay_outbox there, and the destination served? lifecycle outbox list --status waiting"
        return "warn", count, f"{count} messages have been due for too long. {hint}"
    return "ok", 0, "No message has been due for too long."


def named_clocks(subject: Subject) -> Answer:
    """How many clocks testers have."""
    with subject.database.reading() as connection:
        count = clocks_table.count(connection)
    if not count:
        return "ok", 0, "No account is on a named clock."
    told = f"{count} named clocks; what is on them is a test, and no daemon's: lifecycle clock list"
    allowed = subject.config.clocks_allowed
    return ("ok", count, told) if allowed else ("warn", count, f"{told}. The configuration allows none any more.")


def gateway(subject: Subject) -> Answer:
    """Whether what takes payments can be had, and whether anything is invoiced at all."""
    missing = [kind for kind in ("invoice", "order") if kind not in load_machines(subject.config.machines).kinds]
    if missing:
        return "ok", None, f"No machine {' and '.join(missing)}: nothing is invoiced or charged."
    made = make_gateway(subject.config, subject.database.url.render_as_string(), subject.clock, Ids(subject.clock))
    return "ok", made.name, f"Payments are taken by {made.name}."


def unknown_charges(subject: Subject) -> Answer:
    """How many open invoices have a charge that was never answered."""
    with subject.database.reading() as connection:
        count = probe.unknown_charges(connection)
    if count:
        return "warn", count, f"{count} charges were never answered: lifecycle invoices list, then lifecycle pay"
    return "ok", 0, "No charge is without an answer."


def _none(what: str) -> Answer:
    return "ok", 0, f"None is {what}."


def _kept_aside(subject: Subject, status: str) -> int:
    with subject.database.reading() as connection:
        return probe.kept_aside(connection).get(status, 0)


def _alive(subject: Subject) -> Sequence[daemons_table.Daemon]:
    since = subject.clock.now() - 3 * max(subject.config.heartbeat.timedelta, EVERY)
    with subject.database.reading() as connection:
        return [daemon for daemon in daemons_table.daemons(connection) if daemon.ticked_at >= since]


def _named(alive: Sequence[daemons_table.Daemon]) -> str:
    return ", ".join(f"{daemon.host} (process {daemon.pid}, {daemon.release})" for daemon in alive)


def _version_of(driver: str) -> str:
    try:
        return f" {version(driver)}"
    except PackageNotFoundError:
        return ""
