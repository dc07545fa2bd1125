"""An address that is taken for an ordinary one is what the library takes it for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.app.arguments import _unusual_email, email
from lifecycle.errors import Refused

parts = st.text("abz09._-", max_size=12)
hosts = st.lists(st.text("abz09-", max_size=9), max_size=4).map(".".join)
tops = st.sampled_from(
    ["com", "test", "local", "example", "x", "museum", "arpa", "invalid", "onion", "localhost", "co1"]
)


def judged(by: object, text: str) -> str:
    """The normalised address, or that there is none."""
    try:
        return by(text)  # type: ignore[operator, no-any-return]  # both are functions
    except Refused:
        return "refused"


@given(st.builds(lambda name, host, top: f"{name}@{host}.{top}", parts, hosts, tops) | st.emails())
def test_ordinary_addresses_are_judged_as_by_the_library(text: str) -> None:
    """Accepted or refused, and normalised, alike (rule A3)."""
    assert judged(email, text) == judged(_unusual_email, text)


def test_long_ones_too() -> None:
    """At the limits of the local part, of a label, and of the whole."""
    for local in (59, 60, 61, 64, 65):
        for label in (59, 60, 61, 63, 64):
            for labels in (1, 3, 4):
                text = f"{'a' * local}@{'.'.join(['b' * label] * labels)}.com"
                assert judged(email, text) == judged(_unusual_email, text)
