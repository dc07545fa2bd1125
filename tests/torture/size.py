"""How much of everything: a little in everyday's runs, a lot in `make torture`."""

from __future__ import annotations

import os
from dataclasses import dataclass

VARIABLE = "LIFECYCLE_TEST_TORTURE"


@dataclass(frozen=True, slots=True)
class Size:
    """Per database: random kills, kills at each named point, and old subscriptions with their due cycles; how much is
    due while clients send conflicting commands, and how often 64 clients do; how often a server crashes."""

    kills: int
    rounds: int
    subscriptions: int
    backlog: int
    crowds: int
    crashes: int
    is_long: bool = False


SHORT = Size(kills=3, rounds=1, subscriptions=20, backlog=1_300, crowds=1, crashes=1)
LONG = Size(kills=200, rounds=5, subscriptions=400, backlog=100_000, crowds=30, crashes=10, is_long=True)
SIZE = LONG if os.environ.get(VARIABLE) == "long" else SHORT
