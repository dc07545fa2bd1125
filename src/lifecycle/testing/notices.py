"""What the customers were told, as the log has it: the notices of rule G2, each on the transition that asked for it."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.app.lifecycle import Lifecycle
from lifecycle.store.queries import Step


class News:
    """A reader of notices who is told each of them once."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._read: set[tuple[str, int]] = set()

    def __call__(self, account: str | None = None, *, root: str | None = None) -> list[str]:
        """The kinds of those that have not been read yet, in nominal order: everyone's, or one account's, by its id or
        reference, or those of one subscription with its invoices. Raises NotFound."""
        return [kind for step in self._unread(account, root) for kind in told(step)]

    def _unread(self, account: str | None, root: str | None) -> Iterator[Step]:
        for step in self._lifecycle.log(account=account, root=root):
            if (step.root_id, step.seq) not in self._read:
                self._read.add((step.root_id, step.seq))
                yield step


def told(step: Step) -> list[str]:
    """The kinds of the notices that one transition has sent."""
    return [effect["kind"] for effect in step.effects if effect["effect"] == "notice"]
