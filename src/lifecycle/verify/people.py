"""People and seats beside the log of a root: who they are is stored apart, and says what the log says (A3, F1, B8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lifecycle.verify import invitation, member, subscription
from lifecycle.verify.reading import readable
from lifecycle.verify.records import Code, Instance, Person, Row, Seat
from lifecycle.verify.report import Finding
from lifecycle.verify.story import Story


class Seats:
    """Takes the rows of a root's log in order. Seats that were assigned before the first are not judged one by one:
    those rows have been moved out, or are missed elsewhere. `first` is its number, where a checkpoint tells it."""

    def __init__(self, root_id: str, seats: Sequence[Seat], first: int | None = None) -> None:
        self._root_id = root_id
        self._stored = {seat.member_id: seat for seat in seats}
        self._first = first
        self._given: dict[str, tuple[Row, int]] = {}
        self._left: dict[str, Row] = {}

    def take(self, row: Row) -> Iterator[Finding]:
        """Note who gets a seat, and who leaves one. Raises Unreadable."""
        if self._first is None:
            self._first = row.seq
        with readable(f"The effects of row {row.seq}"):
            for effect in row.effects:
                if effect.get("effect") == "assign":
                    for place, one in enumerate(effect["members"]):
                        if one in self._given:
                            yield _about(row, "seat_content", f"It gives {one} a second seat.")
                        self._given[one] = row, place
                elif effect.get("effect") == "unassign":
                    for one in effect["members"]:
                        self._given.pop(one, None)
                        self._left[one] = row

    def close(self, stories: Mapping[str, Story]) -> Iterator[Finding]:
        """Compare with the seats that are stored, and their number with what the subscription says."""
        for one, (row, place) in self._given.items():
            seat = self._stored.get(one)
            if seat is None:
                yield _about(row, "seat_missing", f"{one} has no seat.")
            elif (seat.seq, seat.place, seat.assigned_at) != (row.seq, place, row.due_at):
                yield _about(row, "seat_content", f"The seat of {one} is not as it was given.")
        for one in self._stored.keys() - self._given.keys():
            seat = self._stored[one]
            if one in self._left or (self._first is not None and seat.seq >= self._first):
                yield Finding("seat_unasked", seat.root_id, None, seat.seq, f"Nothing gave {one} a seat.")
        yield from self._number(stories)

    def _number(self, stories: Mapping[str, Story]) -> Iterator[Finding]:
        for story in stories.values():
            one = story.instance
            if one.machine == subscription.KIND and (said := one.facts.get("assigned", 0)) != len(self._stored):
                told = f"It says that {said} are assigned, and {len(self._stored)} have a seat."
                yield Finding("seats", one.root_id, one.id, None, told)
        if self._stored and not any(story.instance.machine == subscription.KIND for story in stories.values()):
            yield Finding("seats", self._root_id, None, None, "There are seats, and no subscription.")


def wrong_with_people(root_id: str, people: Sequence[Person], stories: Mapping[str, Story]) -> Iterator[Finding]:
    """Whether the rows of an account's members say what their instances do. An account's first administrator has none
    before something happens to them."""
    members = {id: story.instance for id, story in stories.items() if story.instance.machine == member.KIND}
    for person in people:
        one = members.pop(person.id, None)
        if not _agrees(person, one):
            told = f"{person.id} is {'first' if one is None else one.state}, and its row says {person.role}."
            yield Finding("member_row", root_id, None if one is None else one.id, None, told)
    for one in members.values():
        yield Finding("member_row", root_id, one.id, None, "It has no row.")


def _agrees(person: Person, one: Instance | None) -> bool:
    if one is None:
        first = f"mem_{person.account_id.partition('_')[2]}"
        return person.id == first and person.role == "admin" and person.live_email is not None
    live = one.state != member.REMOVED
    return (one.owner_id, one.facts["role"]) == (person.account_id, person.role) and live == bool(person.live_email)


def wrong_with_invitations(codes: Sequence[Code], stories: Mapping[str, Story]) -> Iterator[Finding]:
    """Each has a code, and nobody can join what has ended (rule B8)."""
    owners = {code.id: code.account_id for code in codes}
    ended = any(
        (story.instance.machine, story.instance.state) == (subscription.KIND, subscription.ENDED)
        for story in stories.values()
    )
    for story in stories.values():
        one = story.instance
        if one.machine == invitation.KIND and owners.get(one.id) != one.owner_id:
            yield Finding("invitation_code", one.root_id, one.id, None, f"Its code is of {owners.get(one.id)}.")
        if ended and (one.machine, one.state) == (invitation.KIND, invitation.OPEN):
            yield Finding("invitation", one.root_id, one.id, None, "It is open, and its subscription has ended.")


def _about(row: Row, code: str, message: str) -> Finding:
    return Finding(code, row.root_id, row.instance_id, row.seq, message)
