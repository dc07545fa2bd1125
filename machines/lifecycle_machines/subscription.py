"""The subscription's state machine: its states and its transitions, with what chooses and what refuses each.

What a cell answers is read from this class everywhere: by the engine, by the command line, by the published
matrix. Guards and actions are named here and stand in the two modules beside; the arithmetic is in the domain.
"""

from __future__ import annotations

from statemachine import State

from lifecycle.domain.machine import refuse
from lifecycle_machines.shapes import SubscriptionShape
from lifecycle_machines.subscription_actions import SubscriptionActions

CHOICE = ["plan_known", "plan_offered", "seats_offered", "seats_within", "seats_enough"]
CHANGE = [*CHOICE, "differs", "allowed_then"]
TOKENS = ["pack_sold", "pack_priced", "settled", "payable"]
SCHEDULE = [*CHOICE, "date_ahead", "differs", "allowed_then"]


class SubscriptionMachine(SubscriptionActions):
    """From the purchase to the end. In a transition's guards, the plain ones choose it, the others may refuse it."""

    kind = "subscription"
    shape = SubscriptionShape
    deferred = (
        *("end_date_arrives", "payment_exhausted", "change_takes_effect", "trial_ends", "cycle_starts"),
        "reminded",
    )

    new = State(initial=True)
    trial = State()
    active = State()
    pending_change = State()
    pending_cancellation = State()
    ended = State(final=True)

    # Commands

    subscribed = new.to(trial, cond=["takes_trial", "account_open", *CHOICE, "family_free"], on="start_trial") | new.to(
        active,
        cond=[
            "not takes_trial",
            "account_open",
            *CHOICE,
            "family_free",
            "trial_offered",
            "trial_not_used",
            "payable",
        ],
        on="start_paid",
    )

    activate = (
        trial.to(active, cond=[*CHOICE, "allowed_then", "payable"], on="activate_now")
        | pending_change.to(
            active,
            cond=["in_trial", "change_due", *CHOICE, "allowed_then", "payable"],
            on="activate_now",
        )
        | pending_change.to(
            pending_change,
            cond=["in_trial", "not change_due", *CHOICE, "allowed_then", "payable"],
            on="activate_now",
        )
        | pending_change.to(pending_change, cond=["not in_trial", refuse("already_active")])
        | active.to(active, cond=refuse("already_active"))
        | pending_cancellation.to(pending_cancellation, cond=refuse("cancellation_pending"))
    )

    change_now = (
        trial.to(trial, cond=CHANGE, on="change_in_trial")
        | active.to(active, cond=[*CHANGE, "settled", "payable"], on="change_paid")
        | pending_change.to(trial, cond=["in_trial", *CHANGE], on="change_in_trial")
        | pending_change.to(active, cond=["not in_trial", *CHANGE, "settled", "payable"], on="change_paid")
        | pending_cancellation.to(pending_cancellation, cond=refuse("cancellation_pending"))
    )

    schedule_change = (
        trial.to(pending_change, cond=SCHEDULE, on="schedule_it")
        | active.to(pending_change, cond=SCHEDULE, on="schedule_it")
        | pending_change.to(pending_change, cond=SCHEDULE, on="schedule_it")
        | pending_cancellation.to(pending_cancellation, cond=refuse("cancellation_pending"))
    )

    withdraw_change = (
        trial.to(trial, cond=refuse("no_pending_change"))
        | active.to(active, cond=refuse("no_pending_change"))
        | pending_change.to(trial, cond="in_trial", on="forget_change")
        | pending_change.to(active, cond="not in_trial", on="forget_change")
        | pending_cancellation.to(pending_cancellation, cond=refuse("cancellation_pending"))
    )

    add_seats = (
        trial.to(trial, cond=["seats_offered", "seats_within"], on="take_seats")
        | active.to(active, cond=["seats_offered", "seats_within", "settled", "payable"], on="take_seats")
        | pending_change.to(pending_change, cond=["in_trial", "seats_offered", "seats_within"], on="take_seats")
        | pending_change.to(
            pending_change,
            cond=["not in_trial", "seats_offered", "seats_within", "settled", "payable"],
            on="take_seats",
        )
        | pending_cancellation.to(pending_cancellation, cond=refuse("cancellation_pending"))
    )

    cancel = (
        trial.to(pending_cancellation, cond=["date_ahead", "cancel_allowed"], on="set_end")
        | active.to(pending_cancellation, cond=["date_ahead", "cancel_allowed"], on="set_end")
        | pending_change.to(pending_cancellation, cond=["date_ahead", "cancel_allowed"], on="set_end")
        | pending_cancellation.to(
            pending_cancellation, cond=["date_ahead", "end_moves", "cancel_allowed"], on="set_end"
        )
    )

    cancel_now = (
        trial.to(ended, cond="cancel_allowed", on="end_and_refund")
        | active.to(ended, cond="cancel_allowed", on="end_and_refund")
        | pending_change.to(ended, cond="cancel_allowed", on="end_and_refund")
        | pending_cancellation.to(ended, cond="cancel_allowed", on="end_and_refund")
    )

    withdraw_cancellation = (
        trial.to(trial, cond=refuse("no_pending_cancellation"))
        | active.to(active, cond=refuse("no_pending_cancellation"))
        | pending_change.to(pending_change, cond=refuse("no_pending_cancellation"))
        | pending_cancellation.to(pending_change, cond="change_pending", on="unset_end")
        | pending_cancellation.to(trial, cond=["not change_pending", "in_trial"], on="unset_end")
        | pending_cancellation.to(active, cond=["not change_pending", "not in_trial"], on="unset_end")
    )

    use_credits = (
        trial.to(trial, cond="credits_enough", on="use_credits_up")
        | active.to(active, cond="credits_enough", on="use_credits_up")
        | pending_change.to(pending_change, cond="credits_enough", on="use_credits_up")
        | pending_cancellation.to(pending_cancellation, cond="credits_enough", on="use_credits_up")
    )

    buy_tokens = (
        trial.to(trial, cond=TOKENS, on="take_tokens")
        | active.to(active, cond=TOKENS, on="take_tokens")
        | pending_change.to(pending_change, cond=TOKENS, on="take_tokens")
        | pending_cancellation.to(pending_cancellation, cond=TOKENS, on="take_tokens")
    )

    seats_assigned = (
        trial.to(trial, cond="seats_free", on="assign")
        | active.to(active, cond="seats_free", on="assign")
        | pending_change.to(pending_change, cond="seats_free", on="assign")
        | pending_cancellation.to(pending_cancellation, cond="seats_free", on="assign")
    )

    seats_unassigned = (
        trial.to(trial, cond="seats_taken", on="unassign")
        | active.to(active, cond="seats_taken", on="unassign")
        | pending_change.to(pending_change, cond="seats_taken", on="unassign")
        | pending_cancellation.to(pending_cancellation, cond="seats_taken", on="unassign")
    )

    # What happens elsewhere

    card_changed = (
        trial.to(trial, on="plan_anew")
        | active.to(active, on="plan_anew")
        | pending_change.to(pending_change, on="plan_anew")
        | pending_cancellation.to(pending_cancellation, on="plan_anew")
    )

    # Deferred

    trial_ends = (
        trial.to(active, cond="converts", on="convert")
        | trial.to(ended, cond="not converts", on="end_now")
        | pending_change.to(active, cond=["in_trial", "converts", "change_due"], on="convert")
        | pending_change.to(pending_change, cond=["in_trial", "converts", "not change_due"], on="convert")
        | pending_change.to(ended, cond=["in_trial", "not converts"], on="end_now")
        | pending_cancellation.to(pending_cancellation, cond=["in_trial", "converts"], on="convert")
        | pending_cancellation.to(ended, cond=["in_trial", "not converts"], on="end_now")
    )

    cycle_starts = (
        active.to(active, on="renew")
        | pending_change.to(active, cond=["not in_trial", "change_due"], on="renew")
        | pending_change.to(pending_change, cond=["not in_trial", "not change_due"], on="renew")
        | pending_cancellation.to(pending_cancellation, cond="not in_trial", on="renew")
    )

    change_takes_effect = (
        pending_change.to(trial, cond="in_trial", on="take_change")
        | pending_change.to(active, cond="not in_trial", on="take_change")
        | pending_cancellation.to(pending_cancellation, cond="change_due", on="take_change")
    )

    end_date_arrives = pending_cancellation.to(ended, on="end_and_refund")

    payment_exhausted = (
        active.to(ended, cond="exhaustion_ends", on="end_now")
        | active.to(active, cond="not exhaustion_ends")
        | pending_change.to(ended, cond="exhaustion_ends", on="end_now")
        | pending_change.to(pending_change, cond="not exhaustion_ends")
        | pending_cancellation.to(ended, cond="exhaustion_ends", on="end_now")
        | pending_cancellation.to(pending_cancellation, cond="not exhaustion_ends")
    )

    reminded = (
        trial.to(trial, on="remind")
        | active.to(active, on="remind")
        | pending_change.to(pending_change, on="remind")
        | pending_cancellation.to(pending_cancellation, on="remind")
    )
