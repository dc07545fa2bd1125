"""One way to break each promise about members, seats and invitations, and all the codes it is found under.

Each does one thing to the busy shop's database and names its victim, a root. Rows are sealed: the chain is whole again
after it, so that what is found is found for what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from lifecycle.store import schema
from tests.contract.verify_money_breaker import Breaker
from tests.unit.machine_world import at, utc

SECOND = timedelta(seconds=1)


def member_of(breaker: Breaker, state: str) -> str:
    """The id of a member in this state."""
    return breaker.one("crew", "member", state)


def name_a_member(breaker: Breaker) -> str:
    """A member's facts say what they are called."""
    return breaker.edit(member_of(breaker, "disabled"), "invited", first_name="Cid")


def promote_by_disabling(breaker: Breaker) -> str:
    """To be disabled has made somebody an administrator, in the row of who they are too."""
    cid = member_of(breaker, "disabled")
    breaker.edit(cid, "disabled", role="admin")
    breaker.change(schema.members, {"id": cid}, role="admin")
    return breaker.root_of(cid)


def promote_beside(breaker: Breaker) -> str:
    """Who they are says administrator, and the log does not."""
    breaker.change(schema.members, {"id": member_of(breaker, "disabled")}, role="admin")
    return breaker.id("crew")


def bring_back(breaker: Breaker) -> str:
    """Somebody who was removed has an address again."""
    breaker.change(schema.members, {"id": member_of(breaker, "removed")}, live_email="bob@example.com")
    return breaker.id("crew")


def take_away(breaker: Breaker) -> str:
    """Somebody who was not removed has no address any more."""
    breaker.change(schema.members, {"id": member_of(breaker, "disabled")}, live_email=None)
    return breaker.id("crew")


def forget_a_member(breaker: Breaker) -> str:
    """Nobody knows who a member is."""
    breaker.remove(schema.members, id=member_of(breaker, "disabled"))
    return breaker.id("crew")


def slip_in(breaker: Breaker) -> str:
    """An administrator whom the log does not know."""
    row = breaker.read(schema.members, {"id": member_of(breaker, "disabled")})
    breaker.add(schema.members, **(row | {"id": "mem_x", "live_email": "x@example.com", "role": "admin"}))
    return breaker.id("crew")


def invitation(breaker: Breaker, state: str) -> str:
    """The id of the invitation in this state."""
    return breaker.one("crew", "invitation", state)


def use_twice(breaker: Breaker) -> str:
    """A use counts two."""
    return breaker.edit(invitation(breaker, "open"), "used", used=2)


def limit_less(breaker: Breaker) -> str:
    """One that was used three times from the beginning."""
    return breaker.edit(invitation(breaker, "open"), "opened", limit=1)


def raise_limit(breaker: Breaker) -> str:
    """A use has raised the limit."""
    return breaker.edit(invitation(breaker, "open"), "used", limit=9)


def use_too_often(breaker: Breaker) -> str:
    """One that is used up could be used once more."""
    return breaker.edit(invitation(breaker, "used_up"), "opened", limit=2)


def never_expire(breaker: Breaker) -> str:
    """One that is to expire has nothing that does it."""
    one = invitation(breaker, "open")
    breaker.remove(schema.deferrals, instance_id=one)
    return breaker.root_of(one)


def expire_later(breaker: Breaker) -> str:
    """One has expired before it was to."""
    return breaker.edit(invitation(breaker, "expired"), "opened", expires_at=at("2026-07-02 09:00"))


def leave_open(breaker: Breaker) -> str:
    """The end of a subscription has left an invitation open."""
    one = breaker.one("left", "invitation")
    row = breaker.row_of(one, "revoked")
    breaker.change(schema.instances, {"id": one}, state="open", closed=False)
    breaker.facts(one, used=1)
    return breaker.relog(row, event="used", target="open", changes={"used": 1}, effects=[])


def forget_a_code(breaker: Breaker) -> str:
    """An invitation is there by which nobody can join."""
    one = invitation(breaker, "open")
    breaker.remove(schema.invitations, id=one)
    return breaker.root_of(one)


def take_a_seat(breaker: Breaker) -> str:
    """A seat that was given is not there."""
    root, member = seat(breaker)
    breaker.remove(schema.seats, root_id=root, member_id=member)
    return root


def give_a_seat(breaker: Breaker) -> str:
    """A seat is there that nobody gave."""
    root, member = seat(breaker)
    breaker.add(schema.seats, **(breaker.read(schema.seats, {"member_id": member}) | {"member_id": "mem_x"}))
    return root


def keep_a_seat(breaker: Breaker) -> str:
    """Somebody has the seat still that was taken from them, and somebody else's row went."""
    root, member = seat(breaker)
    given = breaker.row_of(root, "seats_assigned")
    taken = {"member_id": member_of(breaker, "disabled"), "seq": given["seq"]}
    breaker.add(schema.seats, **(breaker.read(schema.seats, {"member_id": member}) | taken))
    breaker.remove(schema.seats, root_id=root, member_id=member)
    return root


def date_a_seat(breaker: Breaker) -> str:
    """A seat is of a second later."""
    root, member = seat(breaker)
    row = breaker.read(schema.seats, {"member_id": member})
    later = row["assigned_at"] + SECOND
    breaker.change(schema.seats, {"root_id": root, "member_id": member}, assigned_at=later)
    return root


def miscount_after_moving_out(breaker: Breaker) -> str:
    """A seat of rows that were moved out is gone."""
    breaker.move_out(utc("2026-07-03"))
    return take_a_seat(breaker)


def seat(breaker: Breaker) -> tuple[str, str]:
    """The first seat of the crew's subscription, and whose it is."""
    root = breaker.one("crew", "subscription")
    ours = [row for row in breaker.all(schema.seats) if row["root_id"] == root]
    return root, str(min(ours, key=lambda row: int(row["seq"]))["member_id"])


DAMAGE: dict[Callable[[Breaker], str], set[str]] = {
    name_a_member: {"member"},
    promote_by_disabling: {"member"},
    promote_beside: {"member_row"},
    bring_back: {"member_row"},
    take_away: {"member_row"},
    forget_a_member: {"member_row"},
    slip_in: {"member_row"},
    use_twice: {"invitation"},
    limit_less: {"invitation"},
    raise_limit: {"invitation"},
    use_too_often: {"invitation"},
    never_expire: {"deferral_missing"},
    expire_later: {"not_deferred"},
    leave_open: {"invitation"},
    forget_a_code: {"invitation_code"},
    take_a_seat: {"seat_missing", "seats"},
    give_a_seat: {"seat_unasked", "seats"},
    keep_a_seat: {"seat_missing", "seat_unasked"},
    date_a_seat: {"seat_content"},
    miscount_after_moving_out: {"seats"},
}
