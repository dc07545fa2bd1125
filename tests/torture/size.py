"""How much of everything: a little in everyday's runs, a lot in `make torture`."""

from __future__ import annotations

import os
from dataclasses import dataclass

VARIABLE = "LIFECYCLE_TEST_TORTURE"


@dataclass(frozen=True, slots=True)
class Size:
    """Per database: random kills, kills at each named point, old subscriptions with their due cycles, and the number of
    transitions that are due while clients send conflicting commands."""

    kills: int
    rounds: int
    subscriptions: int
    backlog: int
    is_long: bool = False


SHORT = Size(kills=6, rounds=1, subscriptions=40, backlog=3_000)
LONG = Size(kills=200, rounds=5, subscriptions=400, backlog=100_000, is_long=True)
SIZE = LONG if os.environ.get(VARIABLE) == "long" else SHORT
