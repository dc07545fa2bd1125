"""The notices that customers are sent (rule G2), as the log tells them."""

from __future__ import annotations

from lifecycle.app.lifecycle import Lifecycle


def notices(lifecycle: Lifecycle, *, account: str | None = None, root: str | None = None) -> list[str]:
    """The kinds of all so far, in nominal order; of an account, or of a root: a subscription with its invoices.

    Raises NotFound.
    """
    steps = lifecycle.log(account=account, root=root)
    return [str(effect["kind"]) for step in steps for effect in step.effects if effect.get("effect") == "notice"]
