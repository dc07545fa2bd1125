"""How much of everything: a little in everyday's runs, a lot in `make torture`."""

from __future__ import annotations

import os
from dataclasses import dataclass

VARIABLE = "LIFECYCLE_TEST_TORTURE"


@dataclass(frozen=True, slots=True)
class Size:
    """Per database: random kills, kills at each named point, old subscriptions with their due cycles, the number of
    transitions that are due while clients send conflicting commands, and how often 64 clients do."""

    kills: int
    rounds: int
    subscriptions: int
    backlog: int
    crowds: int
    is_long: bool = False


SHORT = Size(kills=6, rounds=1, subscriptions=40, backlog=3_000, crowds=3)
LONG = Size(kills=200, rounds=5, subscriptions=400, backlog=100_000, crowds=30, is_long=True)
SIZE = LONG if os.environ.get(VARIABLE) == "long" else SHORT
