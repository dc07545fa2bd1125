"""What changes, seats, cut cycles and cancellations cost: lines, formulas and totals, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.domain.account import Account
from lifecycle.domain.catalog import Catalog, Plan, SeatTerms
from lifecycle.domain.effects import Start
from lifecycle.domain.invoicing import Count, Line, Tax, Unpaid, inside_cycle, sum_of, total, unused
from lifecycle.domain.policies import CancelPolicy, CancelRefund, Dunning, Excess, Policies, Proration
from lifecycle.domain.subscription import Subscription, purchased
from lifecycle.domain.surroundings import Surroundings
from tests.unit.machine_world import ACCOUNT, CATALOG, MONTH, YEAR, Story, at, bill, ruled_by, subscribed, utc
from tests.unit.money_world import bought, root

Said = list[tuple[str, str, str]]


def under(excess: Excess = "forfeit", **proration: object) -> Policies:
    """Policies with this proration."""
    return Policies(proration=Proration(excess=excess, **proration))  # type: ignore[arg-type]


def monthly(price: int, start: str, policies: Policies | None = None) -> Story:
    """A subscription by the month at this price, of which 50, 100 and 200 are on sale."""
    plan = {50: "basic", 100: "team", 200: "pro"}[price]
    around = ruled_by(policies) if policies else Surroundings(CATALOG, ACCOUNT)
    return subscribed(plan, start, around, trial=False)


# ------------------------------------------------------------------------------------------- the defining examples


@pytest.mark.parametrize(
    ("month", "days", "given_back", "first"),
    [
        ("2026-02", "13/28", "23.21", 7679),  # 50 × 13/28 = 23.214…
        ("2028-02", "14/29", "24.14", 7586),  # 50 × 14/29 = 24.137…
        ("2026-06", "15/30", "25.00", 7500),
        ("2026-07", "16/31", "25.81", 7419),  # 50 × 16/31 = 25.806…
    ],
)
def test_50_to_100_on_the_15th(month: str, days: str, given_back: str, first: int) -> None:
    """The unused part of 50.00 off the first 100.00; then 100.00 on each 15th, and nothing on the 1st (rule D5)."""
    story = monthly(50, f"{month}-01")
    story.do("change_now", f"{month}-15", plan="team")
    assert story.said == [
        ("plan", "100.00", ""),
        ("unused", f"-{given_back}", f"50.00 × {days} days unused = {given_back}"),
    ]
    [purchase] = story.bills
    assert (purchase.reason, purchase.total) == ("purchase", first)
    instant = story.fire()
    assert (f"{instant:%d}", [renewal.total for renewal in story.bills]) == ("15", [10000])
    assert f"{story.fire():%d}" == "15"


@pytest.mark.parametrize(
    ("month", "days", "given_back", "forfeited"),
    [
        ("2026-02", "13/28", "92.86", "42.86"),  # 200 × 13/28 = 92.857…
        ("2028-02", "14/29", "96.55", "46.55"),  # 200 × 14/29 = 96.551…
        ("2026-06", "15/30", "100.00", "50.00"),
        ("2026-07", "16/31", "103.23", "53.23"),  # 200 × 16/31 = 103.225…
    ],
)
def test_200_to_50_on_the_15th(month: str, days: str, given_back: str, forfeited: str) -> None:
    """More is unused than the new price: a nil invoice, no refund, the excess forfeited; then 50.00 (rules D5, I6)."""
    story = monthly(200, f"{month}-01")
    story.do("change_now", f"{month}-15", plan="basic")
    assert story.said == [
        ("plan", "50.00", ""),
        ("unused", f"-{given_back}", f"200.00 × {days} days unused = {given_back}"),
        ("forfeited", forfeited, ""),
    ]
    assert [(purchase.reason, purchase.total) for purchase in story.bills] == [("purchase", 0)]
    assert not [effect for effect in story.effects if isinstance(effect, Start)]
    assert f"{story.fire():%d}" == "15"
    assert [renewal.total for renewal in story.bills] == [5000]


def test_from_a_year_to_a_month_and_back() -> None:
    """500.00 × 199/365 unused on 15 June, 222.60 over; a week later 50.00 × 22/30 of the month (rules D5, D6)."""
    story = subscribed("basic", "2026-01-01", trial=False, interval="year")
    story.do("change_now", "2026-06-15", interval="month")
    assert story.said == [
        ("plan", "50.00", ""),
        ("unused", "-272.60", "500.00 × 199/365 days unused = 272.60"),
        ("forfeited", "222.60", ""),
    ]
    assert story.bills == [bill("purchase", 2, "2026-06-15", "2026-07-15", 0)]
    story.do("change_now", "2026-06-22", interval="year")
    assert story.said == [
        ("plan", "500.00", ""),
        ("unused", "-36.67", "50.00 × 22/30 days unused = 36.67"),
    ]
    assert story.bills == [bill("purchase", 3, "2026-06-22", "2027-06-22", 46333)]


def test_what_was_settled_by_a_deduction_is_settled() -> None:
    """75.00 paid for 100.00 on 15 June; on the 30th the base is 100.00 × 14/30 (rule I2)."""
    here = bought("basic", "2026-06-01")
    here.command("change_now", "2026-06-15", plan="team")
    here.answer("charged")
    here.command("change_now", "2026-06-30", plan="pro")
    assert [one.amount for one in here.invoice.facts.lines] == [20000, -4667]


def test_the_change_day_may_be_unused() -> None:
    """50.00 × 16/30 off (rule D4)."""
    story = monthly(50, "2026-06-01", under(change_day="unused"))
    story.do("change_now", "2026-06-15", plan="team")
    assert story.said[1] == ("unused", "-26.67", "50.00 × 16/30 days unused = 26.67")


def test_by_the_second() -> None:
    """At noon on the 16th 14.5 of 30 days are left (rule D4)."""
    story = monthly(50, "2026-06-01", under(unit="second"))
    story.do("change_now", "2026-06-16 12:00", plan="team")
    assert story.said[1] == ("unused", "-24.17", "50.00 × 1252800/2592000 seconds unused = 24.17")


def test_by_thirty_days_in_every_month() -> None:
    """On 15 July 15 of 30 days are left (rules D4, I21)."""
    story = monthly(50, "2026-07-01", under(unit="fixed_30"))
    story.do("change_now", "2026-07-15", plan="team")
    assert story.said[1] == ("unused", "-25.00", "50.00 × 15/30 days unused = 25.00")


def test_shares_are_counted_at_the_instant_of_the_quote() -> None:
    """Quoted at 23:50 on 15 June, confirmed at 00:10: 15 days are unused, the period starts on the 16th (X61)."""
    story = monthly(50, "2026-06-01")
    quoted_at = utc("2026-06-15 23:50").isoformat()
    story.do("change_now", "2026-06-16 00:10", plan="team", priced_at=quoted_at)
    assert story.said[1] == ("unused", "-25.00", "50.00 × 15/30 days unused = 25.00")
    assert story.bills == [bill("purchase", 2, "2026-06-16 00:10", "2026-07-16 00:10", 7500)]


@pytest.mark.parametrize(("kept", "expected"), [("keep", []), ("reset", [("plan", "100.00", "")])])
def test_without_a_unit_nothing_is_unused(kept: str, expected: Said) -> None:
    """`keep` charges nothing before the next cycle, `reset` the new price in full (rule D6)."""
    story = monthly(50, "2026-06-01", under(unit="none", period=kept))
    story.do("change_now", "2026-06-15", plan="team")
    assert story.said == expected
    assert story.fire() == utc("2026-07-01" if kept == "keep" else "2026-07-15")
    assert [renewal.total for renewal in story.bills] == [10000]


# ---------------------------------------------------------------------------------------------------- an excess


@pytest.mark.parametrize(("excess", "kind"), [("balance", "to_balance"), ("refund", "to_refund")])
def test_an_excess_under_reset_is_a_line(excess: Excess, kind: str) -> None:
    """50.00 less 100.00, and 50.00 on the balance or on its way back, so that it adds up to nil (rules I6, I19)."""
    here = bought("pro", "2026-06-01", under(excess))
    here.command("change_now", "2026-06-15", plan="basic")
    invoice = here.invoice
    assert (invoice.state, invoice.facts.total) == ("paid", 0)
    assert [(one.kind, one.amount) for one in invoice.facts.lines] == [
        ("plan", 5000),
        ("unused", -10000),
        (kind, 5000),
    ]
    assert here.all("credit_note") == {}
    assert (here.book("balance"), here.book("refunds")) == ((-5000, 0) if excess == "balance" else (0, -5000))
    here.give_back()
    assert (here.book("refunds"), here.book("cash")) == (0, 20000 if excess == "balance" else 15000)


def test_an_excess_on_the_balance_pays_what_comes_next() -> None:
    """50.00 pay the renewal on 15 July whole, and no charge is sent (rules E7, I6)."""
    here = bought("pro", "2026-06-01", under("balance"))
    here.command("change_now", "2026-06-15", plan="basic")
    here.travel("2026-07-15", None)
    invoice = here.invoice.facts
    assert (here.invoice.state, invoice.total, invoice.credit, invoice.due, here.asked) == ("paid", 5000, 5000, 0, [])
    assert (here.notices[-1], here.book("balance")) == ("renewed", 0)


@pytest.mark.parametrize(
    ("excess", "note"), [("forfeit", None), ("balance", ("balance", 5000)), ("refund", ("refund", 5000))]
)
def test_less_than_nothing_under_keep(excess: Excess, note: tuple[str, int] | None) -> None:
    """On 15 June 50.00 × 15/30 less 200.00 × 15/30 are 75.00 too much: a credit note, or a nil invoice (rule I7)."""
    here = bought("pro", "2026-06-01", under(excess, period="keep"))
    here.command("change_now", "2026-06-15", plan="basic")
    if note is None:
        assert [(one.kind, one.amount) for one in here.invoice.facts.lines] == [
            ("plan", 2500),
            ("unused", -10000),
            ("forfeited", 7500),
        ]
        assert (here.invoice.state, here.invoice.facts.total) == ("paid", 0)
        return
    written = here.newest("credit_note").facts
    assert (written["to"], written["total"], [one["kind"] for one in written["lines"]]) == (
        excess,
        7500,
        ["plan", "unused"],
    )
    assert [one.facts.total for one in here.all("invoice").values()] == [20000]
    assert here.numbers == ["INV-", "CN-"]
    assert here.book("revenue") == -12500


def test_a_dearer_plan_under_keep() -> None:
    """The unused share at the new price, less the same at the old; the 1st stays the 1st (rule D6)."""
    story = monthly(50, "2026-06-01", under(period="keep"))
    story.do("change_now", "2026-06-15", plan="team", seats=5)
    assert story.said == [
        ("plan", "50.00", "100.00 × 15/30 days = 50.00"),
        ("seats", "20.00", "2 × 20.00 × 15/30 days = 20.00"),
        ("unused", "-25.00", "50.00 × 15/30 days unused = 25.00"),
    ]
    assert story.bills == [bill("change", 1, "2026-06-15", "2026-07-01", 4500)]


def test_on_the_last_day_under_keep_nothing_is_left() -> None:
    """30 June is used: the new price holds from 1 July (rule D6)."""
    story = monthly(50, "2026-06-01", under(period="keep"))
    story.do("change_now", "2026-06-30", plan="team")
    assert (story.lines, story.bills, story.facts.price) == ([], [], 10000)


def test_lines_have_one_order() -> None:
    """Plan, seats, unused, what becomes of the excess, tax (rule I6)."""
    around = replace(ruled_by(under("balance")), tax=vat)
    story = subscribed("team", "2026-06-01", around, seats=20)
    story.do("change_now", "2026-06-02", plan="basic", seats=1)
    assert [one.kind for one in story.lines] == ["plan", "unused", "unused", "to_balance", "tax"]
    story.do("change_now", "2026-06-02", plan="team", seats=5)
    assert [one.kind for one in story.lines] == ["plan", "seats", "unused", "tax"]


# ------------------------------------------------------------------------------------------------------------ seats


def test_more_seats_pay_their_share() -> None:
    """Two on 15 June: 2 × 20.00 × 15/30; with the plan they renew for 140.00 (rules I4, D9)."""
    story = subscribed("team", "2026-06-01")
    story.do("add_seats", "2026-06-15", seats=2)
    assert story.said == [("seats", "20.00", "2 × 20.00 × 15/30 days = 20.00")]
    assert story.bills == [bill("change", 1, "2026-06-15", "2026-07-01", 2000)]
    story.fire()
    assert story.said == [("plan", "100.00", ""), ("seats", "40.00", "2 × 20.00 = 40.00")]


def test_seats_that_are_included_are_not_charged() -> None:
    """From two to four where three are included: one is charged (rules D9, I4)."""
    story = subscribed("team", "2026-06-01", seats=2)
    story.do("add_seats", "2026-06-15", seats=2)
    assert story.said == [("seats", "10.00", "20.00 × 15/30 days = 10.00")]


def test_one_more_seat_says_no_quantity() -> None:
    """20.00 × 15/30 (rule I4)."""
    story = subscribed("team", "2026-06-01", seats=3)
    story.do("add_seats", "2026-06-15")
    assert story.said == [("seats", "10.00", "20.00 × 15/30 days = 10.00")]


@pytest.mark.parametrize(
    ("excess", "kind"), [("forfeit", "invoice"), ("balance", "credit_note"), ("refund", "credit_note")]
)
@pytest.mark.parametrize("period", ["reset", "keep"])
def test_fewer_seats_now_give_back_their_share(excess: Excess, kind: str, period: str) -> None:
    """Three on 15 June: 3 × 20.00 × 15/30, by `excess`, in the period that runs (rules I20, I7)."""
    policies = replace(under(excess, period=period), seats_decrease="now")
    here = bought("team", "2026-06-01", policies, seats=6)
    here.command("change_now", "2026-06-15", seats=3)
    assert here.subscription.facts.period_start == utc("2026-06-01")
    if kind == "invoice":
        assert [(one.kind, one.amount) for one in here.invoice.facts.lines] == [("unused", -3000), ("forfeited", 3000)]
        return
    note = here.newest("credit_note").facts
    assert (note["to"], note["total"]) == (excess, 3000)
    assert note["lines"][0]["formula"] == "3 × 20.00 × 15/30 days unused = 30.00"


def test_seats_in_a_cut_cycle() -> None:
    """July ends on the 16th: two more seats from the 6th pay the 7th to the 15th, 9/31 (rules I4, I17)."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-10", seats=5, at=at("2026-07-06"))
    story.do("cancel", "2026-06-10", at=at("2026-07-16"))
    story.travel("2026-07-06")
    assert story.said == [("seats", "11.61", "2 × 20.00 × 9/31 days = 11.61")]  # 40 × 9/31 = 11.612…


# ------------------------------------------------------------------------------------------------- unsettled time


def test_time_that_nobody_paid_is_not_given_back() -> None:
    """July was declined; the change on 10 July costs 100.00, and July's 50.00 stay owed (rule D7)."""
    here = bought("basic", "2026-06-01")
    here.command("schedule_change", "2026-06-20", plan="team", at=at("2026-07-10"))
    here.travel("2026-07-01", None)
    here.answer("declined")
    here.travel("2026-07-10", "declined")
    assert [(one.kind, one.amount) for one in here.invoice.facts.lines] == [("plan", 10000)]
    assert [one.facts.due for one in here.all("invoice").values() if one.state == "open"] == [5000, 10000]


def test_what_a_balance_settled_is_given_back() -> None:
    """20.00 of July's 50.00 came from the balance: of 50.00 × 28/31 unused, 20.00 (rules D7, I2)."""
    here = bought("basic", "2026-06-01")
    here.present = here.around.purse.balance = 2000
    here.command("schedule_change", "2026-06-20", plan="team", at=at("2026-07-03"))
    here.travel("2026-07-01", None)
    here.answer("declined")
    here.travel("2026-07-03", None)
    unused_line = here.invoice.facts.lines[1]
    assert (unused_line.amount, unused_line.formula) == (
        -2000,
        "50.00 × 28/31 days unused = 45.16, of which 20.00 was settled",
    )


def test_seats_that_were_paid_are_given_back_though_the_renewal_was_not() -> None:
    """100.00 for the plan are open, two seats were paid: of 70.00 that are unused the seats' 20.00 come back (D7)."""
    facts = purchase("team", seats=5)
    renewal = Unpaid([line("plan", 10000)], 10000)
    count = Count(utc("2026-06-15"), Proration(), [renewal])
    assert [(one.kind, one.amount) for one in unused(facts, count)] == [("unused", -2000)]


def test_a_change_that_was_not_paid_is_not_given_back() -> None:
    """50.00 was paid, the 25.00 of the change under `keep` were not: of 100.00 × 10/30 only 25.00 is settled (I2)."""
    lines = [line("plan", 5000, "2026-06-15", price=10000), line("unused", -2500, "2026-06-15")]
    count = Count(utc("2026-06-20"), Proration(), [Unpaid(lines, 2500)])
    assert total(unused(purchase("team"), count)) == -2500


def test_the_tax_on_what_is_unpaid_is_no_unused_time() -> None:
    """Half of 120.00 with taxes is unpaid, so half of 100.00 is settled (rule D7)."""
    lines = [line("plan", 10000), line("tax", 2000)]
    count = Count(utc("2026-06-05"), Proration(), [Unpaid(lines, 6000)])
    assert total(unused(purchase("team"), count)) == -5000


def test_seats_of_a_cut_cycle_that_was_not_paid() -> None:
    """A cycle cut to half and unpaid: fewer seats give nothing back (rules D7, I20)."""
    before = replace(purchase("team", seats=5), period_end=utc("2026-06-16"), ends_at=utc("2026-06-16"))
    lines = [line("plan", 5000, end="2026-06-16", price=10000), line("seats", 2000, end="2026-06-16", price=4000)]
    count = Count(utc("2026-06-10"), Proration(excess="balance"), [Unpaid(lines, 7000)])
    assert inside_cycle(before, replace(before, seats=3), count.at, count)[1] == []


@pytest.mark.parametrize(
    ("start", "end", "settled"), [("2026-06-01", "2026-06-16", -5000), ("2026-06-16", "2026-07-01", -1667)]
)
def test_a_cycle_in_two_invoices_of_which_one_is_unpaid(start: str, end: str, settled: int) -> None:
    """On 10 June 66.67 of 100.00 are unused: 16.67 of the first invoice, which ends on the 16th, and the second's 50.00
    (rules D7, I17)."""
    count = Count(utc("2026-06-10"), Proration(), [Unpaid([line("plan", 5000, start, end, 10000)], 5000)])
    assert total(unused(purchase("team"), count)) == settled


def test_what_another_cycle_owes_does_not_count() -> None:
    """A year from 1 June 2027 was given up unpaid; the month from 10 June is paid, and 19/30 of it are unused on the
    20th (rule D7)."""
    here = bought("basic", "2026-06-01", Policies(dunning=Dunning(retries=(), exhausted="keep")), interval="year")
    here.command("schedule_change", "2027-05-20", interval="month", at=at("2027-06-10"))
    here.travel("2027-06-01", "declined")
    here.travel("2027-06-10")
    assert [one.amount for one in here.invoice.facts.lines] == [5000]
    here.command("schedule_change", "2027-06-11", plan="team", at=at("2027-06-20"))
    here.travel("2027-06-20")
    assert [one.amount for one in here.invoice.facts.lines] == [10000, -3167]


def test_a_cycle_that_was_passed_over_gives_nothing_back() -> None:
    """An operator skips July: nobody pays for it, so nothing of it is unused or refunded (rules G3, I2, X68)."""
    facts = purchase("basic").skipping("cycle_starts")
    assert facts is not None
    assert (facts.period_start, facts.skipped) == (utc("2026-07-01"), True)
    assert unused(facts, Count(utc("2026-07-10"), Proration())) == []
    assert facts.next_cycle().skipped is False


def purchase(plan: str, seats: int | None = None) -> Subscription:
    """This plan by the month since 1 June 2026."""
    sold = CATALOG.plans[plan]
    terms = sold.terms(MONTH, "USD")
    assert terms is not None
    number = terms.seats_included if seats is None else seats
    return purchased(ACCOUNT, sold, interval=MONTH, seats=number, terms=terms, now=utc("2026-06-01"))


def line(kind: str, amount: int, start: str = "2026-06-01", end: str = "2026-07-01", price: int | None = None) -> Line:
    """A line of an invoice of June."""
    return Line(kind, amount, utc(start), utc(end), 1, abs(amount) if price is None else price)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------ cut cycles


def test_a_cut_cycle_and_its_rest() -> None:
    """August to the 15th: 100.00 × 14/31, two seats the same; withdrawn, 17/31 of both (rule I17)."""
    story = subscribed("team", "2026-06-01", seats=5)
    story.do("cancel", "2026-06-10", at=at("2026-08-15"))
    story.travel("2026-08-01")
    assert story.said == [
        ("plan", "45.16", "100.00 × 14/31 days = 45.16"),
        ("seats", "18.06", "2 × 20.00 × 14/31 days = 18.06"),
    ]
    assert story.facts.credits == 100
    story.do("withdraw_cancellation", "2026-08-10")
    assert story.said == [
        ("plan", "54.84", "100.00 × 17/31 days = 54.84"),
        ("seats", "21.94", "2 × 20.00 × 17/31 days = 21.94"),
    ]
    assert story.bills == [bill("rest_of_cycle", 3, "2026-08-15", "2026-09-01", 7678)]


def test_a_cut_cycle_costs_the_whole_without_a_unit() -> None:
    """… and nothing is missing when the end is withdrawn (rule I17)."""
    story = monthly(100, "2026-06-01", under(unit="none"))
    story.do("cancel", "2026-06-10", at=at("2026-08-15"))
    story.travel("2026-08-01")
    assert story.said == [("plan", "100.00", "")]
    story.do("withdraw_cancellation", "2026-08-10")
    assert story.lines == []


def test_a_change_in_a_cycle_that_is_cut() -> None:
    """From 10 July the new period runs to the end on 20 July: 10/31 of 100.00, less 50.00 × 10/31 (rules I17, B6).

    July itself was cut to the 20th as well, so that the 11th to the 19th are unused: 9/31.
    """
    story = monthly(50, "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-07-10"))
    story.do("cancel", "2026-06-03", at=at("2026-07-20"))
    story.travel("2026-07-10")
    assert story.said == [
        ("plan", "32.26", "100.00 × 10/31 days = 32.26"),
        ("unused", "-14.52", "50.00 × 9/31 days unused = 14.52"),
    ]
    assert story.bills == [bill("purchase", 3, "2026-07-10", "2026-07-20", 1774)]


# ---------------------------------------------------------------------------------------------------- cancellation


def cancelling(refund: CancelRefund) -> Policies:
    """Policies that give back the unused part on cancellation."""
    return Policies(cancel=CancelPolicy(refund=refund))


@pytest.mark.parametrize("refund", ["balance", "refund"])
def test_a_cancellation_now_gives_back_by_policy(refund: CancelRefund) -> None:
    """100.00 × 15/30 on 15 June, by a credit note (rules D12, I8, I19)."""
    here = bought("team", "2026-06-01", cancelling(refund))
    here.command("cancel_now", "2026-06-15")
    note = here.newest("credit_note").facts
    assert (note["to"], note["total"], note["lines"][0]["formula"]) == (
        refund,
        5000,
        "100.00 × 15/30 days unused = 50.00",
    )
    assert (here.book("balance"), here.book("refunds")) == ((-5000, 0) if refund == "balance" else (0, -5000))
    assert [asked["amount"] for asked in here.refunds] == ([5000] if refund == "refund" else [])


def test_a_cancellation_gives_nothing_back_by_default() -> None:
    """`none` (rule D12)."""
    here = bought("team", "2026-06-01")
    here.command("cancel_now", "2026-06-15")
    assert here.all("credit_note") == {}


def test_a_date_inside_a_paid_cycle_gives_back_on_that_date() -> None:
    """Asked for on 10 June, given back on the 20th: 100.00 × 10/30 (rule I8)."""
    here = bought("team", "2026-06-01", cancelling("balance"))
    here.command("cancel", "2026-06-10", at=at("2026-06-20"))
    assert here.all("credit_note") == {}
    here.travel("2026-06-20")
    assert (here.subscription.state, here.newest("credit_note").facts["total"]) == ("ended", 3333)


@pytest.mark.parametrize("when", ["2026-07-01", "2026-07-15"])
def test_the_end_of_what_was_paid_gives_nothing_back(when: str) -> None:
    """At the period's end, and on the date to which a cycle was cut (rules D12, I8)."""
    here = bought("team", "2026-06-01", cancelling("refund"))
    here.command("cancel", "2026-06-10", at=at(when))
    here.travel("2026-08-01")
    assert (here.subscription.state, here.all("credit_note")) == ("ended", {})


def test_exhausted_payment_gives_nothing_back() -> None:
    """Nobody paid for July, and June is over (rule I8); nor does what else was paid of July come back."""
    policies = replace(cancelling("refund"), dunning=Dunning(retries=()))
    here = bought("team", "2026-06-01", policies, balance=12000)
    here.travel("2026-07-01", None)
    assert here.invoice.facts.credit == 2000
    here.answer("declined")
    assert (here.subscription.state, here.all("credit_note")) == ("ended", {})


def test_a_cancellation_gives_back_what_was_settled() -> None:
    """Of July's 100.00 the balance paid 20.00, the rest was declined (rules D12, D7)."""
    here = bought("team", "2026-06-01", cancelling("balance"), balance=12000)
    here.travel("2026-07-01", None)
    here.answer("declined")
    here.command("cancel_now", "2026-07-02")
    assert here.newest("credit_note").facts["total"] == 2000


def test_a_trial_has_nothing_to_give_back() -> None:
    """Never in a trial (rule I8)."""
    here = root(cancelling("refund"))
    here.command("subscribed", "2026-06-01", plan="basic", interval="month")
    here.command("cancel_now", "2026-06-05")
    assert (here.subscription.state, here.all("credit_note")) == ("ended", {})


# -------------------------------------------------------------------------------------------------------- taxes


def vat(account: Account, lines: Sequence[Line]) -> list[Tax]:
    """A fifth of all, if there is any."""
    amount = sum_of(lines, "plan", "seats", "tokens", "unused") // 5
    return [Tax(f"VAT {account.zone}", amount, "20 %")] if amount else []


def test_a_hosts_function_adds_taxes() -> None:
    """100.00 and 20 % of it; the charge and the books are gross (rule E8)."""
    here = root(tax=vat)
    here.command("subscribed", "2026-06-01", plan="team", interval="month")
    assert here.asked[0]["amount"] == 12000
    here.answer("charged")
    tax = here.invoice.facts.lines[-1]
    assert (tax.kind, tax.text, tax.amount, tax.formula) == ("tax", "VAT UTC", 2000, "20 %")
    assert (here.book("revenue"), here.book("tax"), here.book("cash")) == (-10000, -2000, 12000)


def test_taxes_of_a_credit_note_are_negative() -> None:
    """75.00 come back for June, and 15.00 of tax with them (rules E8, I7)."""
    here = root(under("balance", period="keep"), tax=vat)
    here.command("subscribed", "2026-06-01", plan="pro", interval="month")
    here.answer("charged")
    here.command("change_now", "2026-06-15", plan="basic")
    assert here.newest("credit_note").facts["total"] == 9000
    assert (here.book("balance"), here.book("tax")) == (-9000, -2500)


@pytest.mark.parametrize(
    ("excess", "kind", "kept"),
    [("forfeit", "forfeited", "keep"), ("forfeit", "forfeited", "reset"), ("balance", "to_balance", "reset")],
)
def test_an_excess_is_counted_with_its_taxes(excess: Excess, kind: str, kept: str) -> None:
    """50.00 less 100.00 and 20 %: 60.00 are over, and the nil invoice adds up (rules E8, I6, I19) (X67)."""
    here = root(under(excess, period=kept), tax=vat)
    here.command("subscribed", "2026-06-01", plan="pro", interval="month")
    here.answer("charged")
    here.command("change_now", "2026-06-15", plan="basic")
    lines = {one.kind: one.amount for one in here.invoice.facts.lines}
    expected = {"plan": 5000, "unused": -10000, kind: 6000, "tax": -1000}
    assert lines == (expected if kept == "reset" else {"plan": 2500, "unused": -10000, kind: 9000, "tax": -1500})
    assert (here.invoice.facts.total, here.all("credit_note")) == (0, {})


# ------------------------------------------------------------------------------------ currencies of 0 and 3 decimals


@pytest.mark.parametrize(
    ("currency", "price", "dearer", "expected"),
    [
        ("JPY", 500, 1001, [("plan", "1001", ""), ("unused", "-250", "500 × 15/30 days unused = 250")]),
        ("JPY", 501, 1001, [("plan", "1001", ""), ("unused", "-251", "501 × 15/30 days unused = 251")]),
        ("KWD", 5001, 9000, [("plan", "9.000", ""), ("unused", "-2.501", "5.001 × 15/30 days unused = 2.501")]),
    ],
)
def test_currencies_of_other_decimals(currency: str, price: int, dearer: int, expected: Said) -> None:
    """Half a yen, half a fils is rounded up (rules E1, D4)."""
    plans = {
        name: Plan(name, name, {MONTH: {currency: amount}}) for name, amount in (("small", price), ("large", dearer))
    }
    around = Surroundings(Catalog(currency, plans), replace(ACCOUNT, currency=currency))
    story = subscribed("small", "2026-06-01", around)
    story.do("change_now", "2026-06-15", plan="large")
    assert story.said == expected


# ------------------------------------------------------------------------------------------------------- properties

prices = st.integers(0, 10**7)
plans = st.builds(
    lambda name, price, seat: Plan(
        name,
        name,
        {MONTH: {"USD": price}, YEAR: {"USD": 10 * price}},
        seats=SeatTerms(prices={MONTH: {"USD": seat}, YEAR: {"USD": 10 * seat}}),
    ),
    st.just("plan"),
    prices,
    st.integers(0, 10**5),
)
moments = st.integers(0, 366 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
zones = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Pacific/Apia"])
counts = st.builds(
    Proration,
    unit=st.sampled_from(["day", "second", "fixed_30", "none"]),
    change_day=st.sampled_from(["used", "unused"]),
    excess=st.sampled_from(["forfeit", "balance", "refund"]),
    period=st.sampled_from(["reset", "keep"]),
)


def held(plan: Plan, seats: int, day: timedelta, zone: str, *, yearly: bool) -> Subscription:
    """A subscription to a plan since some time in 2027."""
    interval = YEAR if yearly else MONTH
    terms = plan.terms(interval, "USD")
    assert terms is not None
    account, start = replace(ACCOUNT, zone=zone), utc("2027-01-01") + day
    return purchased(account, plan, interval=interval, seats=seats, terms=terms, now=start)


@given(plans, plans, st.integers(1, 9), st.integers(1, 9), moments, zones, st.booleans(), st.floats(0, 0.999), counts)
def test_there_and_back_at_one_instant_is_nothing(  # noqa: PLR0917  # any plans, any policy
    one: Plan,
    other: Plan,
    seats: int,
    more: int,
    day: timedelta,
    zone: str,
    yearly: bool,
    part: float,
    counted: Proration,
) -> None:
    """Under `keep` and `balance` the two changes of one day come to nothing, whatever the plans (rules D6, I7)."""
    policy = replace(counted, period="keep", excess="balance")
    before = held(one, seats, day, zone, yearly=yearly)
    terms = other.terms(before.interval, "USD")
    assert terms is not None
    now = before.period_start + (before.boundary - before.period_start) * part
    count = Count(now, policy)
    after, there = inside_cycle(before, replace(before, plan="other", seats=more, terms=terms), now, count)
    back_again, back = inside_cycle(after, replace(after, plan="plan", seats=seats, terms=before.terms), now, count)
    assert back_again == before
    assert total(there) + total(back) == 0


@given(plans, plans, st.integers(1, 9), st.integers(1, 9), moments, zones, st.booleans(), st.floats(0, 0.999), counts)
def test_no_change_charges_more_or_gives_back_more_than_its_price(  # noqa: PLR0917  # any plans, any policy
    one: Plan,
    other: Plan,
    seats: int,
    more: int,
    day: timedelta,
    zone: str,
    yearly: bool,
    part: float,
    policy: Proration,
) -> None:
    """At most the new price is charged, at most the old given back; under `forfeit` and `reset` never less than nothing
    (rules D5, D6, I6)."""
    before = held(one, seats, day, zone, yearly=yearly)
    terms = other.terms(before.interval, "USD")
    assert terms is not None
    now = before.period_start + (before.boundary - before.period_start) * part
    after, lines = inside_cycle(before, replace(before, plan="other", seats=more, terms=terms), now, Count(now, policy))
    assert -before.price <= total(lines) <= after.price
    assert total(lines) >= 0 or (policy.excess != "forfeit" and policy.period == "keep")
    assert [one.kind for one in lines] == sorted((one.kind for one in lines), key=ORDER.index)
    assert -sum_of(lines, "unused") <= before.price


ORDER = ["plan", "seats", "tokens", "unused", "forfeited", "to_balance", "to_refund", "tax"]
