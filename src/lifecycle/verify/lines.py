"""The lines of an invoice or a credit note, worked out again from what each says of itself (rules D4, E8, I6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lifecycle.verify.reading import instant
from lifecycle.verify.records import Json

SOLD = ("plan", "seats", "tokens", "unused")
EXCESS = ("forfeited", "to_balance", "to_refund")
_PLACES = {kind: place for place, kind in enumerate([*SOLD, *EXCESS, "tax"])} | {"to_refund": 5}
_FORMULA = re.compile(
    r"(?:(?P<count>\d+) × )?(?P<price>[\d.]+)"
    r"(?: × (?P<part>\d+)/(?P<whole>\d+) (?:days|seconds|cycle)(?P<unused> unused)?)?"
    r" = (?P<result>[\d.]+)(?:, of which (?P<settled>[\d.]+) was settled)?",
    re.ASCII,
)


def total(lines: Sequence[Json], *kinds: str) -> int:
    """What the lines of these kinds come to, or all of them, in minor units. Raises KeyError or TypeError."""
    return sum(line["amount"] for line in lines if not kinds or line["kind"] in kinds)


def wrong_with(lines: Sequence[Json]) -> Iterator[str]:
    """A sentence for each thing that is wrong. Raises KeyError, TypeError or ValueError for what can't be read."""
    for number, line in enumerate(lines, 1):
        if not _adds_up(line) or instant(line["start"]) > instant(line["end"]):
            yield f"Line {number}, {line['kind']} {line['amount']}, is not what {line['formula']!r} comes to."
    places = [_PLACES[line["kind"]] for line in lines]
    if not lines or places != sorted(places):
        yield f"Its lines are {', '.join(line['kind'] for line in lines) or 'none'}, in this order."
    excess = [line for line in lines if line["kind"] in EXCESS]
    if len(excess) > 1 or (excess and total(lines, *SOLD, *EXCESS)):
        yield "With what becomes of the excess it should come to nothing."


def _adds_up(line: Json) -> bool:
    amount, quantity, price = line["amount"], line["quantity"], line["unit_price"]
    if any(type(number) is not int for number in (amount, quantity, price)) or not isinstance(line["text"], str):
        return False
    if line["kind"] not in SOLD:
        return bool(quantity == 1 and price == amount and (amount > 0 or line["kind"] == "tax"))
    if not line["formula"]:
        return bool(line["kind"] != "unused" and quantity == 1 and amount == price >= 0)
    found = _FORMULA.fullmatch(line["formula"])
    return found is not None and _comes_to(found, line["kind"] == "unused", amount, quantity * price, quantity)


def _comes_to(found: re.Match[str], is_unused: bool, amount: int, full: int, quantity: int) -> bool:
    """Whether the operands are the line's, and the result is theirs: half a minor unit up, once."""
    part, whole = int(found["part"] or 1), int(found["whole"] or 1)
    written = [text for text in (found["price"], found["result"], found["settled"]) if text is not None]
    if len({len(text.partition(".")[2]) for text in written}) > 1 or not 0 <= part <= whole or whole < 1:
        return False
    result, settled = _minor(found["result"]), None if found["settled"] is None else _minor(found["settled"])
    same = int(found["count"] or 1) == quantity and _minor(found["price"]) * quantity == full
    right = same and result == (2 * full * part + whole) // (2 * whole)
    if not is_unused:
        return right and amount == result and found["unused"] is None and settled is None
    return right and found["unused"] is not None and -amount == (result if settled is None else min(settled, result))


def _minor(text: str) -> int:
    """Minor units, of an amount that is written with all its decimals."""
    return int(text.replace(".", ""))
