"""The occasions on which somebody is written to (rule G2), and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Addressee = Literal["account", "member", "operator"]
"""The account's administrator, the member whom it is about, or who runs the installation."""


@dataclass(frozen=True, slots=True)
class Kind:
    """An occasion: its machine, who is written to, and when, in a phrase. `alone`: never told in a mail with others."""

    name: str
    machine: str
    when: str
    to: Addressee = "account"
    alone: bool = False


_ALL = (
    Kind("subscribed", "subscription", "a plan was bought"),
    Kind("trial_started", "subscription", "a trial has begun"),
    Kind("trial_ending", "subscription", "a trial ends soon"),
    Kind("trial_converted", "subscription", "a trial has become a paid subscription"),
    Kind("changed", "subscription", "another plan or interval holds"),
    Kind("change_scheduled", "subscription", "a change is to come"),
    Kind("change_withdrawn", "subscription", "a change that was to come was withdrawn"),
    Kind("change_failed", "subscription", "a change that was to come has become impossible"),
    Kind("cancellation_scheduled", "subscription", "the subscription is to end"),
    Kind("cancellation_withdrawn", "subscription", "it is not to end any more"),
    Kind("renewal_ahead", "subscription", "the next cycle starts soon"),
    Kind("renewed", "invoice", "a renewal was paid"),
    Kind("payment_failed", "invoice", "a payment has failed for the first time"),
    Kind("payment_recovered", "invoice", "a payment that had failed was made"),
    Kind("ended", "subscription", "the subscription is over"),
    Kind("seats_changed", "subscription", "seats were added"),
    Kind("tokens_bought", "subscription", "a pack of tokens was bought"),
    Kind("member_invited", "member", "somebody was added to an account", to="member", alone=True),
    Kind("invitation_used", "invitation", "somebody has joined by a code"),
    Kind("password_email", "member", "a way to choose a password was asked for", to="member", alone=True),
    Kind("card_expiring", "account", "the card that is charged expires soon"),
    Kind("webhook_paused", "webhook", "a webhook is delivered to no more for a while", to="operator"),
    Kind("webhook_disabled", "webhook", "a webhook was switched off", to="operator"),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
MERGED = "merged"
"""The template of the mail that tells several occasions which are late."""
ALONE = frozenset(kind.name for kind in _ALL if kind.alone)


def kind_of(name: str, machine: str) -> Kind:
    """The occasion of this name; one that is not ours is a host's, who has a template for it."""
    return KINDS.get(name) or Kind(name, machine, "")
