"""Codes of invitations: how they are made, read and compared. Pure, but for the chance that new ones are made of.

A code is compared as people type it: capitals, spaces and dashes do not matter.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from unicodedata import category, normalize

SHORTEST, LONGEST = 4, 64
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Without I, L, O, U, 0 and 1, which are read as each other, or make words."""
_GROUPS, _SIZE = 7, 4
"""30 to the power of 28: somewhat more than 137 bits."""


def new_code() -> str:
    """A code that nobody can guess, in groups: `K7QM-…`."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_SIZE)) for _ in range(_GROUPS))


def plain(code: str) -> str:
    """A code in the form in which it is compared."""
    folded = normalize("NFKC", code).casefold()
    return "".join(one for one in folded if not (one.isspace() or category(one) == "Pd"))


def digest(code: str) -> str:
    """What a code is looked up by; hexadecimal."""
    return sha256(plain(code).encode("utf-8", "surrogatepass")).hexdigest()


def may_be_chosen(code: str) -> bool:
    """Whether it has 4 to 64 printable characters, of which 4 are more than spaces and dashes."""
    return len(code) <= LONGEST and code.isprintable() and len(plain(code)) >= SHORTEST
