"""What the log tells about one instance, folded row by row and compared with what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle.verify import acts, kinds
from lifecycle.verify.records import Instance, Json, Row, Unreadable
from lifecycle.verify.report import Finding


@dataclass(frozen=True, slots=True)
class Told:
    """What the rows of an instance have led to."""

    machine: str
    version: int
    state: str
    facts: Json

    @classmethod
    def of(cls, instance_id: str, values: object) -> Told:
        """From a checkpoint's document. Raises Unreadable."""
        match values:
            case {"machine": str(machine), "version": int(version), "state": str(state), "facts": dict(facts)}:
                return cls(machine, version, state, facts)
        raise Unreadable(f"What the checkpoint tells of {instance_id} can't be read.")


class Story:
    """Takes the rows of one instance in order; `told` is what a checkpoint says of those that were moved out."""

    def __init__(self, instance: Instance, told: Told | None = None) -> None:
        self._instance = instance
        self._machine = told.machine if told else instance.machine
        self._facts: Json = told.facts if told else {}
        self._state: str | None = told.state if told else None
        self._version = told.version if told else 0
        self.told = told

    @property
    def instance(self) -> Instance:
        """As it is stored."""
        return self._instance

    @property
    def facts(self) -> Json:
        """As the rows so far have left them."""
        return self._facts

    def take(self, row: Row) -> Iterator[Finding]:
        """Judge the next row by what went before. Raises Unreadable."""
        before, self._facts = self._facts, _folded(self._facts, row.changes)
        if row.source != self._state:
            yield self._finding("source", f"The row starts from {row.source}, not from {self._state}.", row.seq)
        if row.machine != self._instance.machine or row.version < self._version:
            yield self._finding("machine", f"The row is of {row.machine}, version {row.version}.", row.seq)
        if acts.changed_too_much(row):
            yield self._finding("act_changed", f"{row.event} is to leave everything as it is.", row.seq)
        for code, message in kinds.wrong_with_row(row, before, self._facts):
            yield self._finding(code, message, row.seq)
        self._state, self._version = row.target, row.version

    def close(self, deferrals: Mapping[str, datetime]) -> Iterator[Finding]:
        """Compare with the stored instance and its deferrals (due instant by event). Raises Unreadable."""
        instance = self._instance
        if self._state is None:
            yield self._finding("no_history", "The instance has no row.")
            return
        if instance.state != self._state:
            yield self._finding("state", f"The stored state is {instance.state}; the log ends in {self._state}.")
        if instance.machine != self._machine:
            yield self._finding("machine", f"The rows that were moved out are of {self._machine}.")
        if instance.version != self._version:
            yield self._finding("machine", f"Version {instance.version} is stored; the log ends at {self._version}.")
        if different := _different(instance.facts, self._facts):
            yield self._finding("facts", f"Not what the changes add up to: {', '.join(different)}.")
        for code, message in kinds.wrong_with_instance(instance, deferrals):
            yield self._finding(code, message)

    def _finding(self, code: str, message: str, seq: int | None = None) -> Finding:
        return Finding(code, self._instance.root_id, self._instance.id, seq, message)


def _folded(facts: Json, changes: Json) -> Json:
    """The facts after a row: what it changed, without what it set to null."""
    return {key: value for key, value in {**facts, **changes}.items() if value is not None}


def _different(stored: Json, folded: Json) -> list[str]:
    """The keys under which two documents do not read the same."""
    return [
        key
        for key in sorted({*stored, *folded})
        if (key in stored) != (key in folded) or not same(stored[key], folded[key])
    ]


def same(one: object, other: object) -> bool:
    """Whether two values are equal as JSON: 2 and 2.0 are one number, but 1 is not `true`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)
