"""Policies of a plan over the defaults, as a property: merging texts and then reading is reading and then merging."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.policies import PolicySettings, merged
from lifecycle.config.values import Known

KNOWN = Known("USD", frozenset({"basic", "team"}))

DURATIONS = st.sampled_from(["1h", "1d", "3d", "2w"])
RULES = st.fixed_dictionaries(
    {"from": st.sampled_from(["*", "basic", "team"]), "refuse": st.just("contact_us")},
    optional={"direction": st.sampled_from(["upgrade", "downgrade"])},
)
SECTIONS: dict[str, st.SearchStrategy[object]] = {
    "proration": st.fixed_dictionaries(
        {},
        optional={
            "unit": st.sampled_from(["day", "second", "fixed_30", "none"]),
            "change_day": st.sampled_from(["used", "unused"]),
            "excess": st.sampled_from(["forfeit", "balance", "refund"]),
            "period": st.sampled_from(["reset", "keep"]),
        },
    ),
    "change": st.lists(RULES, max_size=1),
    "seats": st.fixed_dictionaries({}, optional={"decrease": st.sampled_from(["next_cycle", "now", "refuse"])}),
    "cancel": st.fixed_dictionaries(
        {},
        optional={
            "when": st.lists(st.sampled_from(["period_end", "date", "now"]), min_size=1, unique=True),
            "refund": st.sampled_from(["none", "balance", "refund"]),
        },
    ),
    "trial": st.fixed_dictionaries({}, optional={"reminder": DURATIONS}),
    "dunning": st.fixed_dictionaries(
        {},
        optional={
            "retries": st.lists(DURATIONS, max_size=3),
            "grace": DURATIONS,
            "exhausted": st.sampled_from(["end", "keep"]),
        },
    ),
    "notices": st.fixed_dictionaries({}, optional={"renewal": DURATIONS}),
}
POLICIES = st.fixed_dictionaries({}, optional=SECTIONS)


def read(written: dict[str, object]) -> PolicySettings:
    """Policies as the file has them."""
    return PolicySettings.model_validate(written, context=KNOWN)


def over(base: dict[str, object], top: dict[str, object]) -> dict[str, object]:
    """What one would have written: each section with the keys of both, the upper ones winning; lists as they are."""
    both = dict(base)
    for name, section in top.items():
        below = both.get(name)
        both[name] = {**below, **section} if isinstance(below, dict) and isinstance(section, dict) else section
    return both


@given(base=POLICIES, top=POLICIES)
def test_merging_reads_as_if_it_had_been_written_in_one(base: dict[str, object], top: dict[str, object]) -> None:
    """Maps merge and lists replace, whatever is left out above or below."""
    assert merged(read(base), read(top)).as_policies() == read(over(base, top)).as_policies()


@given(base=POLICIES, top=POLICIES)
def test_merging_changes_neither_of_the_two(base: dict[str, object], top: dict[str, object]) -> None:
    """The defaults are shared by all plans."""
    below, above = read(base), read(top)
    merged(below, above)
    assert below.as_policies() == read(base).as_policies()
    assert above.as_policies() == read(top).as_policies()
