"""Punctuality: how long after its due instant a transition is recorded, in a live daemon with little to do."""

from __future__ import annotations

from datetime import timedelta
from time import sleep

from bench.world import Databases, lifecycle_on, subscribe
from lifecycle import SystemClock

APART = timedelta(milliseconds=50)
HEAD_START = timedelta(seconds=2)


def punctuality(databases: Databases, kind: str, number: int) -> list[float]:
    """Milliseconds from due to recorded, in order, for the ends of `number` subscriptions, 50 ms apart."""
    clock = SystemClock()
    with databases.fresh(kind) as url, lifecycle_on(url, clock) as lifecycle:
        subscribe(lifecycle, number)
        begin = clock.now() + HEAD_START + number * timedelta(milliseconds=20)
        for position, subscription in enumerate(lifecycle.subscriptions.list()):
            lifecycle.subscriptions.cancel(subscription.id, when=begin + position * APART, by="system")
        with lifecycle.start():
            sleep((begin + number * APART + timedelta(seconds=1) - clock.now()).total_seconds())
        ends = [step for step in lifecycle.log() if step.event == "end_date_arrives"]
    if len(ends) != number:
        raise RuntimeError(f"{len(ends)} of {number} subscriptions have ended")
    return sorted((step.recorded_at - step.at) / timedelta(milliseconds=1) for step in ends)
