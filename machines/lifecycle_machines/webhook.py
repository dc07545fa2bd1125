"""The webhook's state machine: an address of the host's that is told of transitions, on a root of its own.

Its facts hold the address, what it is told of, and what it is for; never a secret, for the log can't be erased.
"""

from __future__ import annotations

from statemachine import State

from lifecycle.domain.effects import Notice, Send
from lifecycle.domain.machine import Json, Machine, refuse
from lifecycle_machines.shapes import WebhookShape

FACTS = ("url", "events", "description")


class WebhookMachine(Machine[Json, None]):
    """Facts: `url`, `events`, and where there is one `description`. What is written for a paused one waits; a disabled
    one has said itself that it is gone (410)."""

    kind = "webhook"
    prefix = "whk"
    shape = WebhookShape
    final_codes = {"removed": "webhook_removed"}  # noqa: RUF012  # a constant of the class

    new = State(initial=True)
    live = State()
    paused = State()
    disabled = State()
    removed = State(final=True)

    # Events, some of which have the name of the state that they lead to

    added = new.to(live, on="begin")

    edited = live.to(live, on="edit") | paused.to(paused, on="edit") | disabled.to(disabled, on="edit")

    rotated = live.to(live) | paused.to(paused) | disabled.to(disabled)

    tested = (
        live.to(live, on="send_test")
        | paused.to(paused, cond=refuse("webhook_paused"))
        | disabled.to(disabled, cond=refuse("webhook_disabled"))
    )

    live.to(paused, event="paused", cond="has_failed", on="tell_of_pause")
    live.to(paused, event="paused", cond="not has_failed")
    paused.to(paused, event="paused", cond=refuse("no_change"))
    disabled.to(disabled, event="paused", cond=refuse("webhook_disabled"))

    paused.to(live, event="resumed")
    disabled.to(live, event="resumed")
    live.to(live, event="resumed", cond=refuse("no_change"))

    live.to(disabled, event="disabled", on="tell_of_end")
    paused.to(disabled, event="disabled", on="tell_of_end")
    disabled.to(disabled, event="disabled", cond=refuse("no_change"))

    live.to(removed, event="removed")
    paused.to(removed, event="removed")
    disabled.to(removed, event="removed")

    # Guards

    def has_failed(self) -> bool:
        """The engine pauses it, for it has failed too long."""
        return bool(self.arguments.get("failing_since"))

    # Actions

    def begin(self) -> None:
        """With this address, for these events."""
        self.become({name: self.arguments.get(name) for name in FACTS})

    def edit(self) -> None:
        """What was said is another thing now."""
        self.become({**self.facts, **{name: self.arguments[name] for name in FACTS if name in self.arguments}})

    def send_test(self) -> None:
        """Something that only shows that it gets there."""
        told = {"webhook": self.instance_id, "at": self.now.isoformat()}
        self.become(self.facts, Send(f"webhook:{self.instance_id}", "webhook.test", told))

    def tell_of_pause(self) -> None:
        """Whoever runs the installation is to look."""
        self.become(self.facts, Notice("webhook_paused"))

    def tell_of_end(self) -> None:
        """It will never be told again unless somebody resumes it."""
        self.become(self.facts, Notice("webhook_disabled"))
