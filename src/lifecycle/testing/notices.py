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
        reference, or those of one subscription with its invoices; of both what concerns the account's people too.
        Raises NotFound."""
        return [kind for step in self._unread(account, root) for kind in told(step)]

    def _unread(self, account: str | None, root: str | None) -> Iterator[Step]:
        if account is None or root is None:
            steps = self._lifecycle.log(account=account, root=root, reminders=True)
        else:
            roots = (root, self._lifecycle.accounts.get(account).id)
            steps = [step for step in self._lifecycle.log(account=account, reminders=True) if step.root_id in roots]
        for step in steps:
            if (step.root_id, step.seq) not in self._read:
                self._read.add((step.root_id, step.seq))
                yield step


def told(step: Step) -> list[str]:
    """The kinds of the notices that one transition has sent."""
    return [effect["kind"] for effect in step.effects if effect["effect"] == "notice"]
