"""One way to break each promise about the ledger, documents and their numbers, and all the codes it is found under.

Each does one thing to the busy shop's database and names its victim: an account's root, a series or a unit. Rows are
sealed: the chain is whole again after it, so that what is found is found for what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from lifecycle.store import schema
from tests.contract.verify_money_breaker import Breaker
from tests.unit.machine_world import at, utc

SECOND = timedelta(seconds=1)


def never_post(breaker: Breaker) -> str:
    """A cycle's grant of credits is not in the ledger."""
    row = breaker.row_of(breaker.one("lost_reply", "subscription"), "cycle_starts")
    breaker.remove(schema.ledger, root_id=row["root_id"], seq=row["seq"])
    return str(row["root_id"])


def post_unasked(breaker: Breaker) -> str:
    """A present that nobody gave, balanced."""
    row = breaker.row_of(breaker.one("lost_reply", "subscription"), "cycle_starts")
    (entry, *_) = breaker.postings(row)
    for book, amount in (("goodwill", 100), ("revenue", -100)):
        breaker.add(schema.ledger, **(entry | {"place": 99, "book": book, "unit": "USD", "amount": amount}))
    return str(row["root_id"])


def post_elsewhere(breaker: Breaker) -> str:
    """A posting is of another account."""
    row = breaker.row_of(breaker.one("lost_reply", "subscription"), "cycle_starts")
    for entry in breaker.postings(row):
        breaker.repost(entry, account_id=breaker.id("buyer"))
    return str(row["root_id"])


def post_later(breaker: Breaker) -> str:
    """A posting is of a second later."""
    row = breaker.row_of(breaker.one("lost_reply", "subscription"), "cycle_starts")
    for entry in breaker.postings(row):
        breaker.repost(entry, at=entry["at"] + SECOND)
    return str(row["root_id"])


def post_half(breaker: Breaker) -> str:
    """A charge took a cent more than was owed."""
    row = breaker.row_of(breaker.one("lost_reply", "invoice"), "charged")
    breaker.repost(breaker.postings(row)[0], amount=10001)
    return str(row["root_id"])


def post_for_two(breaker: Breaker) -> str:
    """One side of a posting that was moved out is of another account."""
    breaker.move_out(utc("2026-06-10"))
    entry = next(one for one in breaker.all(schema.ledger) if one["seq"] == 5 and one["book"] == "revenue")
    breaker.repost(entry, account_id="acct_nobody")
    return str(entry["root_id"])


def owe_more(breaker: Breaker) -> str:
    """Before the rows that were moved out, somebody was owed a dollar more."""
    row = breaker.row_of(breaker.one("lost_reply", "invoice"), "opened")
    entries = breaker.postings(row)
    breaker.move_out(utc("2026-06-10"))
    for entry in entries:
        breaker.repost(entry, amount=entry["amount"] + (100 if entry["amount"] > 0 else -100))
    return str(row["root_id"])


def overdraw(breaker: Breaker) -> str:
    """Before the rows that were moved out, somebody used what was not there."""
    row = breaker.row_of(breaker.one("lost_reply", "invoice"), "opened")
    (entry, *_) = breaker.postings(row)
    breaker.move_out(utc("2026-06-10"))
    for book, amount in (("balance", 100), ("revenue", -100)):
        breaker.add(schema.ledger, **(entry | {"place": 99, "book": book, "amount": amount}))
    return breaker.id("lost_reply")


def miscount(breaker: Breaker) -> str:
    """Sixteen days of thirty come to the same as fifteen."""
    invoice = str(breaker.instances("buyer", "invoice")[1]["id"])
    (line,) = breaker.row_of(invoice, "opened")["changes"]["lines"]
    assert line["formula"] == "2 × 20.00 × 15/30 days = 20.00"
    return breaker.edit(invoice, "opened", lines=[{**line, "formula": "2 × 20.00 × 16/30 days = 20.00"}])


def add_up_wrong(breaker: Breaker) -> str:
    """A credit note is of a dollar more than its lines."""
    note = breaker.one("kept", "credit_note")
    total = breaker.row_of(note, "issued")["changes"]["total"]
    return breaker.edit(note, "issued", total=total + 100)


def forget_payment(breaker: Breaker) -> str:
    """A paid invoice does not say when."""
    return breaker.edit(breaker.one("lost_reply", "invoice"), "charged", paid_at=None)


def forget_refund(breaker: Breaker) -> str:
    """An adjustment is of less than nothing."""
    return breaker.edit(breaker.one("upgrades", "adjustment"), "credited", amount=-100_000)


def edit_an_invoice(breaker: Breaker) -> str:
    """With the payment it became an invoice for another plan."""
    return breaker.edit(breaker.one("lost_reply", "invoice"), "charged", plan="basic")


def edit_a_quote(breaker: Breaker) -> str:
    """With its completion an order became somebody else's."""
    return breaker.edit(breaker.one("lost_reply", "order"), "completed", currency="EUR")


def edit_a_note(breaker: Breaker) -> str:
    """A second row of a credit note, after it was issued."""
    note = breaker.one("kept", "credit_note")
    row = breaker.row_of(note, "issued")
    last = breaker.rows(row["root_id"])[-1]
    changes = {"source": "issued", "target": "issued", "event": "edited", "changes": {"zone": "Asia/Tokyo"}}
    breaker.add(
        schema.log,
        **(
            last
            | changes
            | {"seq": last["seq"] + 1, "instance_id": note, "effects": []}
            | {"machine": "credit_note", "cause": "command"}
        ),
    )
    breaker.facts(note, zone="Asia/Tokyo")
    breaker.root(row["root_id"], seq=last["seq"] + 1)
    breaker.seal(row["root_id"])
    return str(row["root_id"])


def take_less(breaker: Breaker) -> str:
    """Log and ledger agree that ninety of a hundred dollars were paid."""
    row = breaker.row_of(breaker.one("lost_reply", "invoice"), "charged")
    post = row["effects"][0] | {"entries": {"cash": 9000, "receivable": -9000}}
    for entry in breaker.postings(row):
        breaker.repost(entry, amount=9000 if entry["book"] == "cash" else -9000)
    return breaker.relog(row, effects=[post, *row["effects"][1:]])


def bill_twice(breaker: Breaker) -> str:
    """The third cycle's invoice says that it is of the second."""
    second, third = breaker.instances("lost_reply", "invoice")[1:3]
    assert (second["facts"]["cycle"], third["facts"]["cycle"]) == (2, 3)
    return breaker.edit(str(third["id"]), "opened", cycle=2)


def never_bill(breaker: Breaker) -> str:
    """Somebody was to be invoiced for using their credits."""
    row = breaker.row_of(breaker.one("buyer", "subscription"), "use_credits")
    bill = {"effect": "bill", "reason": "change", "cycle": 1, "start": at("2026-06-15"), "end": at("2026-07-01")}
    return breaker.relog(row, effects=[*row["effects"], {**bill, "total": 500}])


def bill_unasked(breaker: Breaker) -> str:
    """A cycle's transition says nothing of the invoice that came with it."""
    row = breaker.row_of(breaker.one("lost_reply", "subscription"), "cycle_starts")
    assert row["effects"][0]["effect"] == "bill"
    return breaker.relog(row, effects=[{"effect": "notice", "kind": "renewed"}, *row["effects"][1:]])


def count_failures(breaker: Breaker) -> str:
    """The first failure is counted as two."""
    return breaker.edit(breaker.one("dunned", "invoice", "open"), "declined", failures=2)


def fail_earlier(breaker: Breaker) -> str:
    """The first failure was a day before the charge."""
    return breaker.edit(breaker.one("dunned", "invoice", "open"), "declined", failed_at=at("2026-08-31"))


def retry_at_once(breaker: Breaker) -> str:
    """The next retry was planned for before the decline, and then forgotten."""
    row = breaker.row_of(str(breaker.instances("recovers", "invoice")[1]["id"]), "declined")
    return breaker.relog(row, changes={**row["changes"], "retry_at": at("2026-07-01")})


def forget_number(breaker: Breaker) -> str:
    """The last invoice of all has no number, and the series ends before it."""
    last = max((row for row in breaker.all(schema.numbers) if row["series"] == "INV-"), key=lambda row: row["number"])
    breaker.remove(schema.numbers, series="INV-", number=last["number"])
    breaker.change(schema.series, {"series": "INV-"}, last=last["number"] - 1)
    return breaker.root_of(last["instance_id"])


def number_a_draft(breaker: Breaker) -> str:
    """A number is burnt by a decline."""
    last = breaker.read(schema.series, {"series": "INV-"})["last"]
    void = breaker.one("refused", "invoice", "void")
    breaker.add(schema.numbers, series="INV-", number=last + 1, instance_id=void, issued_at=utc("2026-06-01 09:00"))
    breaker.change(schema.series, {"series": "INV-"}, last=last + 1)
    return breaker.root_of(void)


def antedate(breaker: Breaker) -> str:
    """An invoice was issued a second before it was."""
    invoice = breaker.one("lost_reply", "invoice")
    issued_at = breaker.read(schema.numbers, {"instance_id": invoice})["issued_at"]
    breaker.change(schema.numbers, {"instance_id": invoice}, issued_at=issued_at - SECOND)
    return breaker.root_of(invoice)


def skip_a_number(breaker: Breaker) -> str:
    """The last number was left out."""
    last = breaker.read(schema.series, {"series": "INV-"})["last"]
    breaker.change(schema.numbers, {"series": "INV-", "number": last}, number=last + 1)
    breaker.change(schema.series, {"series": "INV-"}, last=last + 1)
    return "INV-"


def count_on(breaker: Breaker) -> str:
    """A series has got further than its documents."""
    last = breaker.read(schema.series, {"series": "CN-"})["last"]
    breaker.change(schema.series, {"series": "CN-"}, last=last + 1)
    return "CN-"


def number_nothing(breaker: Breaker) -> str:
    """A number is of an invoice that is not there."""
    last = breaker.read(schema.series, {"series": "INV-"})["last"]
    breaker.add(schema.numbers, series="INV-", number=last + 1, instance_id="inv_x", issued_at=utc("2026-06-01"))
    breaker.change(schema.series, {"series": "INV-"}, last=last + 1)
    return "INV-"


DAMAGE: dict[Callable[[Breaker], str], set[str]] = {
    never_post: {"posting_missing"},
    post_unasked: {"posting_unasked"},
    post_elsewhere: {"posting_content"},
    post_later: {"posting_content"},
    post_half: {"posting_content", "posting_sum", "ledger_sum", "document_books"},
    post_for_two: {"posting_sum"},
    owe_more: {"books"},
    overdraw: {"balance"},
    miscount: {"document_lines"},
    add_up_wrong: {"document_total", "document_books"},
    forget_payment: {"document_state"},
    forget_refund: {"document_state", "document_books"},
    edit_an_invoice: {"document_changed"},
    edit_a_quote: {"document_changed"},
    edit_a_note: {"document_changed"},
    take_less: {"document_books", "books"},
    bill_twice: {"cycle_twice", "live_key", "bill_missing", "bill_unasked"},
    never_bill: {"bill_missing"},
    bill_unasked: {"bill_unasked"},
    count_failures: {"dunning"},
    fail_earlier: {"dunning"},
    retry_at_once: {"dunning"},
    forget_number: {"number_missing"},
    number_a_draft: {"number_unasked"},
    antedate: {"number_content"},
    skip_a_number: {"number_gap"},
    count_on: {"number_gap"},
    number_nothing: {"orphan"},
}
