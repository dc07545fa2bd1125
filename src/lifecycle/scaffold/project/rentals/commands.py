"""What the application does with rentals. The actor is logged as it is given: give an id, and no name or address."""

from __future__ import annotations

from datetime import datetime

from lifecycle import Lifecycle
from lifecycle.engine.commands import Answer, Command, Creation


def lend(lifecycle: Lifecycle, thing: str, until: datetime, *, by: str) -> Answer:
    """Lend a thing until an instant (aware). Raises Refused: `date_in_past`, `too_long`."""
    asked = {"thing": thing, "until": until.isoformat()}
    lent = Creation("rental", "lent", actor=by, prefix="ren", arguments=asked)
    return lifecycle.engine.attempt(lambda work: work.create(lent))


def prolong(lifecycle: Lifecycle, rental: str, until: datetime, *, by: str) -> Answer:
    """Let it be out until another instant. Raises Refused: as `lend`, and `not_allowed` once it is overdue."""
    return lifecycle.engine.command(Command(rental, "prolonged", actor=by, arguments={"until": until.isoformat()}))


def bring_back(lifecycle: Lifecycle, rental: str, *, by: str) -> Answer:
    """It is back. Raises Refused: `not_allowed` if it was before."""
    return lifecycle.engine.command(Command(rental, "brought_back", actor=by))
