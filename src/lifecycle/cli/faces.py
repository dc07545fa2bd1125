"""How subscriptions, transitions and what is due are shown: rows and panels for people, objects for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lifecycle.cli.directory import Directory, Owner
from lifecycle.cli.output import facts, framed, lasting, money, printable, table, when
from lifecycle.drawing.timeline import way

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.panel import Panel
    from rich.table import Table

    from lifecycle.app.invoices import InvoiceView
    from lifecycle.app.standing import StandingView
    from lifecycle.app.views import NextEvent, OrderView, PendingChange, SubscriptionView
    from lifecycle.store.queries import DueTransition, Standing, Step


# For programs


def described(value: SubscriptionView | InvoiceView | Standing | Step | DueTransition, owner: Owner) -> dict[str, Any]:
    """The value as a JSON object, with its account's reference as `account`."""
    from lifecycle.app.views import as_json

    return {"account": owner.reference, **as_json(value)}


# One subscription


def panel(view: SubscriptionView, owner: Owner, now: datetime, more: Mapping[str, str | None] | None = None) -> Panel:
    """What holds now, and what comes next and when; and what `more` there is to say."""
    from rich.text import Text

    banners = [Text(printable(one), style="bold yellow") for one in _banners(view)]
    above: list[RenderableType] = [*banners, ""] if banners else []
    return framed(
        f"{owner.title}: {view.plan}",
        *above,
        facts({**_facts(view, now), **(more or {}), "version": str(view.version)}),
    )


def _facts(view: SubscriptionView, now: datetime) -> dict[str, str | None]:
    def at(instant: datetime) -> str:
        return when(instant, view.zone)

    cycle = "the trial" if view.phase == "trial" else f"cycle {view.cycle}"
    return {
        "id": view.id,
        "clock": view.clock,
        "state": _state(view),
        "plan": f"{view.plan}, {view.interval}, {seats(view.seats)}",
        "price": f"{money(view.price, view.currency)} per {view.interval}",
        "period": f"{at(view.period_start)} to {at(view.period_end)} ({cycle})",
        "anchor": at(view.anchor) if view.phase == "paid" else None,
        "trial": f"until {at(view.trial_end)}" if view.trial_end and view.phase == "paid" else None,
        "pending": _change(view.pending, view.zone) if view.pending else None,
        "next": _next(view.next, view.zone, now) if view.next else None,
        "credits": f"{view.credits} left" if view.credits else None,
    }


def _state(view: SubscriptionView) -> str:
    return view.state if view.status == "live" else f"{view.state} ({view.status})"


def seats(number: int) -> str:
    """`1 seat`, `5 seats`."""
    return "1 seat" if number == 1 else f"{number} seats"


def _change(change: PendingChange, zone: str) -> str:
    wanted = None if change.seats is None else seats(change.seats)
    target = ", ".join(part for part in (change.plan, change.interval, wanted) if part)
    shelved = "; held back, for it would come after the end" if change.shelved else ""
    return f"{target} from {when(change.due_at, zone)}{shelved}"


def _next(coming: NextEvent, zone: str, now: datetime) -> str:
    return f"{coming.event} on {when(coming.due_at, zone)} ({distance(coming.due_at, now)})"


def _banners(view: SubscriptionView) -> Iterator[str]:
    """What is said first."""
    if view.status == "quarantined":
        yield f"Kept aside: {view.error}"
    elif view.ends_at is not None:
        verb = "Ended" if view.state == "ended" else "Ends"
        yield f"{verb} on {when(view.ends_at, view.zone)}."
    if view.order is not None:
        yield _charging(view.order, is_new=view.state == "new")
        yield f"See what becomes of it: lifecycle quote show {view.order.id}"


def _charging(order: OrderView, *, is_new: bool) -> str:
    amount = money(order.due, order.currency)
    if order.state == "unknown":
        return f"The charge of {amount} got no answer and was given up; money that is found later goes back."
    until = "the subscription begins once it is paid" if is_new else "until it is paid all stays as it is"
    return f"Being charged: {amount}, without an answer yet; {until}."


def worth(
    view: SubscriptionView, standing: StandingView, owed: Sequence[str], now: datetime, *, grants: bool
) -> dict[str, str | None]:
    """What a subscription gives, and what is owed for it; `grants`: its plan has credits."""
    return {
        "credits": f"{view.credits} left" if grants or view.credits else None,
        "standing": _standing(standing, view.zone, now),
        "access": _access(standing, view.zone, now),
        "owed": "\n".join(owed) or None,
    }


def _standing(one: StandingView, zone: str, now: datetime) -> str:
    if one.past_due_since is None:
        return one.standing
    return f"past due since {when(one.past_due_since, zone)} ({lasting(now - one.past_due_since)})"


def _access(one: StandingView, zone: str, now: datetime) -> str:
    end = f"{when(one.access_until, zone)}" if one.access_until else ""
    match one.denied:
        case None:
            return (
                f"yes, but only until {end} ({distance(one.access_until, now)}), unless it is paid"
                if one.access_until
                else "yes"
            )
        case "past_due":
            return f"no: past due, and the grace ended on {end}"
        case "account_closed":
            return "no: the account is closed"
        case "new":
            return "no: it is not paid yet"
    return "no: it has ended"


def distance(instant: datetime, now: datetime) -> str:
    """How far an instant is from now: `in 3 d 4 h`, or `2 h late`."""
    return f"in {lasting(instant - now)}" if instant > now else f"{lasting(now - instant)} late"


# An instance of any machine


def standing(one: Standing, owner: Owner, now: datetime) -> Panel:
    """Where it stands, and what comes next and when."""
    coming = None
    if one.next_event and one.next_due_at:
        coming = f"{one.next_event} on {when(one.next_due_at, owner.zone)} ({distance(one.next_due_at, now)})"
    pairs = {
        "id": one.id,
        "clock": one.clock,
        "state": one.state if one.status == "live" else f"{one.state} ({one.status})",
        "error": one.error,
        "next": coming,
        "version": str(one.version),
    }
    return framed(f"{owner.title}: {one.machine}", facts(pairs))


# Several


def aside(several: Sequence[Standing], directory: Directory) -> Table:
    """What is kept aside, and since when something on it is due."""
    owners = [directory.of_account(one.owner_id) for one in several]
    rows = [
        (
            one.id,
            owner.reference,
            one.clock or "",
            one.state,
            one.next_event or "",
            f"{when(one.next_due_at, owner.zone)} ({distance(one.next_due_at, directory.now(one.clock))})"
            if one.next_due_at
            else "",
            str(one.attempts),
            one.error or "",
        )
        for one, owner in zip(several, owners, strict=True)
    ]
    return table(("id", "account", "clock", "state", "event", "due", "attempts", "error"), rows)


def subscriptions(views: Sequence[SubscriptionView], directory: Directory) -> Table:
    """One line for each."""
    owners = [directory.of_account(view.account_id) for view in views]
    rows = [
        (
            owner.reference,
            view.clock or "",
            view.plan,
            view.interval,
            str(view.seats),
            _state(view),
            f"{view.next.event} {when(view.next.due_at, view.zone)}" if view.next else "",
        )
        for view, owner in zip(views, owners, strict=True)
    ]
    ids = [view.id for view in views]
    return _table(("account", "clock", "plan", "interval", "seats", "state", "next"), rows, owners, ids)


def transitions(steps: Sequence[Step], directory: Directory, *, roots: bool = False) -> Table:
    """The log: nominal time, whose, of what, what happened, who caused it and why. `roots`: an instance may not be
    there, and its root says whose it is."""
    owners = [directory.of_root(step.root_id) if roots else directory.of_instance(step.instance_id) for step in steps]
    kinds = _kinds([step.machine for step in steps])
    rows = [
        (
            when(step.at, owner.zone),
            owner.reference,
            step.clock or "",
            kind,
            step.event,
            way(step),
            step.actor,
            step.reason or "",
        )
        for step, owner, kind in zip(steps, owners, kinds, strict=True)
    ]
    ids = [step.root_id for step in steps]
    return _table(("time", "account", "clock", "of", "event", "from → to", "actor", "reason"), rows, owners, ids)


def coming(due: Sequence[DueTransition], directory: Directory, asleep: str = "") -> Table:
    """What is to fire, and what stands in the way; `asleep` says of what is late that no daemon looks."""
    owners = [directory.of_account(one.owner_id) for one in due]
    kinds = _kinds([one.machine for one in due])
    rows = [
        (
            when(one.due_at, owner.zone),
            distance(one.due_at, directory.now(one.clock)),
            owner.reference,
            one.clock or "",
            kind,
            one.event,
            one.state,
            trouble(one, owner, directory.now(one.clock), asleep),
        )
        for one, owner, kind in zip(due, owners, kinds, strict=True)
    ]
    ids = [one.instance_id for one in due]
    return _table(("due", "", "account", "clock", "of", "event", "state", "trouble"), rows, owners, ids)


def _kinds(machines: Sequence[str]) -> Sequence[str]:
    """What each row is of; nothing where all are of one kind, for then nobody asks."""
    return machines if len(set(machines)) > 1 else [""] * len(machines)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], owners: Sequence[Owner], ids: Sequence[str]) -> Table:
    """With the ids as a last column, where the accounts alone do not tell which is which."""
    if len(set(ids)) == len(set(owners)):
        return table(columns, rows)
    return table((*columns, "id"), [(*row, id) for row, id in zip(rows, ids, strict=True)])


def trouble(one: DueTransition, owner: Owner, now: datetime, asleep: str = "") -> str:
    """What stands in the way of a deferred transition."""
    if one.status != "live":
        return f"{one.status}: {one.error}" if one.error else one.status
    if one.attempts:
        tries_at = f" at {when(one.wake_at, owner.zone)}" if one.wake_at and one.wake_at > now else ""
        return f"failed {one.attempts}×, tries again{tries_at}: {one.error}"
    return asleep if one.due_at <= now and one.clock is None else ""
