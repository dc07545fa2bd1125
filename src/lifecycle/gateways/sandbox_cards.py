"""The sandbox's cards: each follows a script, and the script's name is what a person enters instead of a number.

| script | what becomes of a charge |
|---|---|
| `ok` | it succeeds |
| `declines` | it is declined: `card_declined` |
| `declines_after:N` | N succeed, the ones after are declined |
| `declines_first:N` | N are declined, the ones after succeed |
| `expired` | it is declined: `expired_card` |
| `times_out` | no answer, no money, and a look-up finds nothing |
| `reply_lost` | no answer, but the money is taken, and a look-up finds it |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from lifecycle.gateways.protocol import Method

_LAST4 = {
    "ok": "4242",
    "declines": "0002",
    "declines_after": "0341",
    "declines_first": "0119",
    "expired": "0069",
    "times_out": "0408",
    "reply_lost": "0504",
}
_COUNTED = ("declines_after", "declines_first")
_SCRIPT = re.compile(r"([a-z_]+)(?::([0-9]{1,6}))?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one charge on a card."""

    reason: str = ""
    """Why it is declined; empty where the money is taken."""
    reached: bool = True
    """Whether the gateway hears of it at all."""
    answered: bool = True
    """Whether whoever charges hears the outcome."""


def is_script(text: str) -> bool:
    """Whether a card can be made with it."""
    found = _SCRIPT.fullmatch(text)
    return found is not None and found[1] in _LAST4 and (found[2] is not None) == (found[1] in _COUNTED)


def decide(script: str, uses: int) -> Verdict:
    """What becomes of a charge on a card that has decided `uses` others before."""
    name, _, count = script.partition(":")
    match name:
        case "times_out":
            return Verdict(reached=False)
        case "reply_lost":
            return Verdict(answered=False)
        case "expired":
            return Verdict("expired_card")
        case "declines_after":
            declined = uses >= int(count)
        case "declines_first":
            declined = uses < int(count)
        case _:
            declined = name == "declines"
    return Verdict("card_declined" if declined else "")


def describe(token: str, script: str, made_at: datetime) -> Method:
    """The card as it may be shown: it expires two years after it was made, and an expired one did a year before."""
    name = script.partition(":")[0]
    year = made_at.year + (-1 if name == "expired" else 2)
    return Method(token, "Sandbox", _LAST4[name], made_at.month, year)
