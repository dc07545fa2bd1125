"""Every refusal that the engine ships: its stable code, a sentence for people, and what can be done instead.

This is the one table; the documentation is generated from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle.errors import Refused

REFUSALS: Mapping[str, tuple[str, str]] = {
    "account_closed": ("The account is closed; it can only be read.", "Use another account."),
    "already_active": ("The subscription is already paid for.", "To take another plan, use change."),
    "already_delivered": ("The message has been delivered.", ""),
    "already_dropped": ("The message was given up for good.", ""),
    "already_subscribed": (
        "The account already has a live subscription in this plan family.",
        "Change that subscription instead.",
    ),
    "already_paid": ("The invoice is paid.", ""),
    "balance_left": ("The account has something on its balance.", "Pay it out or write it off first."),
    "balance_too_low": ("The balance is lower than that.", "Give a lower amount."),
    "cancellation_pending": (
        "The subscription is to end; nothing else can change until then.",
        "Withdraw the cancellation first.",
    ),
    "clock_busy": ("Somebody else is advancing this clock.", "Try again once they are done."),
    "clock_forward_only": ("A clock goes forward only.", "Give a later instant, or make another clock."),
    "clock_taken": ("There is a clock of that name already.", "Use another name, or delete that clock first."),
    "clocks_not_allowed": (
        "This configuration allows no named clocks.",
        "Set clocks.allowed: true in the configuration of an installation that is tested.",
    ),
    "contact_us": ("This change is not offered here.", "Please contact us."),
    "code_taken": ("That code has been given out already; a code is never given out again.", "Choose another one."),
    "credits_exhausted": ("Fewer credits are left than that.", "More are granted with the next cycle."),
    "date_in_past": ("The date is now or in the past.", "Give a later date."),
    "does_nothing": ("The event {event} has no effect in state {state}.", ""),
    "ended": ("The subscription has ended.", "Take a new plan on the same account."),
    "held": ("An operator has put this on hold.", "Ask the operator, or try again after the release."),
    "idempotency_conflict": (
        "This idempotency key was used for a different command.",
        "Use a new key for a new command.",
    ),
    "in_delivery": ("A relay has the message in hand.", "Try again once its lease has run out."),
    "invoice_open": ("An invoice is still to be paid.", "Pay it first."),
    "invalid": ("The arguments are not valid.", "Correct them and try again."),
    "live_key_taken": (
        "There is a live one of this kind with that name already.",
        "End that one first, or use another name.",
    ),
    "no_change": ("Nothing would change.", "A pending change is undone with withdraw-change."),
    "invitation_expired": ("The invitation has expired.", "Ask whoever invited you for a new one."),
    "invitation_revoked": ("The invitation was revoked.", "Ask whoever invited you."),
    "invitation_unknown": ("There is no such invitation.", "Check the code."),
    "invitation_used_up": (
        "The invitation has been used as often as it may be.",
        "Ask whoever invited you for a new one.",
    ),
    "last_admin": (
        "The account's last administrator can't be removed, disabled or made a plain member.",
        "Make somebody else an administrator first.",
    ),
    "member_exists": ("Another member of the account has that address.", "Give another one."),
    "member_disabled": ("The member is disabled.", "Enable them first."),
    "no_free_seat": ("There is no free seat.", "Add seats first, or unassign somebody."),
    "no_pending_cancellation": ("There is no cancellation to withdraw.", ""),
    "no_pending_change": ("There is no pending change to withdraw.", ""),
    "not_admin": (
        "Only the account's administrators may do this.",
        "Ask one of them.",
    ),
    "not_allowed": ("The event {event} is not possible in state {state}.", ""),
    "not_closed": ("The account is open.", "Close it first."),
    "not_due": ("Nothing of this is due, held or backing off.", "See what comes next, and when."),
    "not_found": ("There is no such thing.", "Check the id."),
    "not_offered": (
        "The plan is not offered in that interval, currency, family or number of seats.",
        "See the plans that are.",
    ),
    "not_operator": ("Only an operator may do this.", "Ask one of them."),
    "not_skippable": (
        "Nothing would be left to happen if {event} were skipped in state {state}.",
        "Use a command, such as cancel or withdraw-cancellation.",
    ),
    "order_in_progress": (
        "A charge is without an answer yet, and nothing else happens before that.",
        "Try again in a moment.",
    ),
    "past_due": (
        "An invoice is past due; until it is paid only changes to come and cancellations are possible.",
        "Pay it, or use another payment method.",
    ),
    "payment_declined": ("The payment was declined.", "Use another payment method."),
    "payment_method_missing": (
        "There is something to pay and no payment method.",
        "Add a payment method first.",
    ),
    "payment_method_needed": (
        "The payment method is needed: something is to be paid with it.",
        "Add another one first.",
    ),
    "plan_unknown": ("There is no such plan in the catalogue.", "See the plans there are."),
    "quarantined": (
        "An earlier transition of this failed, and nothing else happens to it before that has gone well.",
        "It is tried again by itself at first; an operator can look at the error and retry.",
    ),
    "quote_expired": ("The quote has expired.", "Ask for a new one."),
    "quote_stale": ("Something has changed since the quote was made.", "Ask for a new one."),
    "refund_pending": ("Money is on its way back to the account.", "Try again once it is there."),
    "removed": ("The member was removed.", "Add them again."),
    "seats_assigned": (
        "More members are assigned to seats than there would be.",
        "Unassign some of them first.",
    ),
    "seats_limit": (
        "The number of seats is outside what the plan allows.",
        "See the plan's minimum and maximum.",
    ),
    "token_unknown": ("The token is unknown, used up or expired.", "Have another e-mail sent."),
    "tokens_exhausted": ("Fewer tokens are left than that.", "Buy more of them."),
    "tokens_not_sold": ("The plan sells no such pack of tokens.", "See the packs that it sells, or take another plan."),
    "subscription_live": ("A subscription of the account is live.", "Cancel it first."),
    "too_many_attempts": ("Too many codes were tried.", "Wait a while, then try again."),
    "trial_used": ("The account has had its trial in this plan family.", "Subscribe without a trial."),
    "version_conflict": ("The subscription has changed since you read it.", "Read it again, then decide."),
    "void": ("The invoice is void: nothing is to be paid.", ""),
    "webhook_disabled": ("The webhook has said that it is gone.", "Resume it once it is there again."),
    "webhook_forbidden": (
        "A webhook may not be at that address.",
        "Give an https address of the public network, or have the configuration allow it.",
    ),
    "webhook_paused": ("The webhook is paused.", "Resume it first."),
    "webhook_removed": ("The webhook was removed.", "Add another one."),
    "when_not_allowed": (
        "The plan does not allow this at that time.",
        "Choose another time: now, the next cycle, or a date.",
    ),
}


def refused(code: str, *, event: str = "", state: str | None = "", message: str = "") -> Refused:
    """The refusal with this code; a code outside the table (a host's own rule) needs its `message`."""
    sentence, instead = REFUSALS.get(code, (message or f"Refused: {code}.", ""))
    return Refused(code, message or sentence.format(event=event, state=state), instead=instead)
