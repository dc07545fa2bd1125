"""Invoices and credit notes: what stands where on the page, that strangers' words do no harm, and the PDF."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from html.parser import HTMLParser
from importlib.resources import files
from typing import Literal

import pytest

from lifecycle.documents.html import as_html
from lifecycle.documents.model import Party, Printed, PrintedLine
from lifecycle.documents.pdf import as_pdf
from lifecycle.documents.sheet import sheet
from lifecycle.errors import LifecycleError

SELLER = Party("Northwind Software", "Lindenstraße 12\n10969 Berlin", "DE 123456789", "billing@northwind.example")
BUYER = Party("Café Ánima", "Carrer de Mallorca 401\n08013 Barcelona", "ES B12345678", "ana@anima.example")
JUNE_15, JULY_1, JULY_15 = date(2026, 6, 15), date(2026, 7, 1), date(2026, 7, 15)

UPGRADE = Printed(
    kind="invoice",
    number="INV-000042",
    status="paid",
    issued=JUNE_15,
    currency="USD",
    zone="Europe/Berlin",
    seller=SELLER,
    buyer=BUYER,
    lines=(
        PrintedLine("plan", "Team", JUNE_15, JULY_15, 1, 10000, 10000, ""),
        PrintedLine("unused", "Unused Starter", JUNE_15, JULY_1, 1, -2500, -2500, "50.00 × 15/30 days unused = 25.00"),
    ),
    total=7500,
    credit=0,
    due=7500,
    paid_on=JUNE_15,
    method="Visa •••• 4242",
    reference="sub_1",
)
"""On 15 June from 50.00 to 100.00 a month, bought on the 1st."""

NIL = replace(
    UPGRADE,
    lines=(
        PrintedLine("plan", "Starter", JUNE_15, JULY_15, 1, 5000, 5000, ""),
        PrintedLine("unused", "Unused Team", JUNE_15, JULY_1, 1, -10000, -10000, "200.00 × 15/30 days unused = 100.00"),
        PrintedLine("forfeited", "Forfeited", None, None, 1, 5000, 5000, ""),
    ),
    total=0,
    due=0,
    method="",
)
"""On 15 June from 200.00 to 50.00 a month, bought on the 1st."""

CREDIT_NOTE = replace(
    UPGRADE, kind="credit_note", number="CN-000003", lines=UPGRADE.lines[1:], total=-2500, credit=-2500, due=0
)


@dataclass
class Element:
    """A part of a page, and the classes of those that it stands in."""

    tag: str
    kinds: frozenset[str]
    within: frozenset[str]
    text: str = ""


class Page(HTMLParser):
    """A page taken apart. Refuses one whose elements do not close in order."""

    def __init__(self, document: Printed) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[Element] = []
        self.feed(as_html(document))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        kinds = frozenset((dict(attrs).get("class") or "").split())
        within = frozenset().union(*(element.kinds for element in self._open))
        self.elements.append(Element(tag, kinds, within))
        if tag != "meta":
            self._open.append(self.elements[-1])

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def raw(self, tag: str, kind: str = "", within: str = "") -> list[str]:
        """The texts of these elements, as they are."""
        return [
            element.text
            for element in self.elements
            if element.tag == tag and {kind} - {""} <= element.kinds and {within} - {""} <= element.within
        ]

    def texts(self, tag: str, kind: str = "", within: str = "") -> list[str]:
        """The texts of these elements, as a reader sees them."""
        return [" ".join(text.split()) for text in self.raw(tag, kind, within)]

    def pairs(self, within: str) -> list[tuple[str, str]]:
        """A list's names and values."""
        return list(zip(self.texts("dt", within=within), self.texts("dd", within=within), strict=True))

    def rows(self) -> list[tuple[str, ...]]:
        """The table, without its head."""
        cells = self.texts("td")
        return [tuple(cells[first : first + 5]) for first in range(0, len(cells), 5)]


def test_an_upgrade_says_what_was_bought_and_what_was_unused() -> None:
    """On 15 June 50 becomes 100: 25.00 were unused, 75.00 are paid (rule D5)."""
    page = Page(UPGRADE)
    assert page.rows() == [
        ("Team", "15 Jun 2026 – 14 Jul 2026", "1", "100.00", "100.00"),
        ("Unused Starter 50.00 × 15/30 days unused = 25.00", "15 Jun 2026 – 30 Jun 2026", "1", "-25.00", "-25.00"),
    ]
    assert page.texts("small", "formula") == ["50.00 × 15/30 days unused = 25.00"]
    assert page.pairs("sums") == [("Subtotal", "75.00 USD"), ("Total", "75.00 USD"), ("Amount paid", "75.00 USD")]


def test_an_invoice_says_who_when_and_for_what() -> None:
    """Number, day, subscription, and both parties with their addresses line by line."""
    page = Page(UPGRADE)
    assert page.texts("title") == ["Invoice INV-000042"]
    assert page.texts("h1") == ["Invoice"]
    assert page.pairs("facts") == [("Number", "INV-000042"), ("Issued", "15 Jun 2026"), ("Subscription", "sub_1")]
    assert page.texts("h2") == ["From", "Billed to"]
    assert page.texts("p", "name") == ["Northwind Software", "Café Ánima"]
    assert page.raw("p", "lines") == [SELLER.address, BUYER.address]
    assert page.texts("section", "party")[1].endswith("Tax ID ES B12345678 ana@anima.example")
    assert "Dates are local to Europe/Berlin." in page.texts("span")


def test_what_is_not_known_takes_no_room() -> None:
    """No empty line where there is no address, no tax id, no subscription and no note."""
    page = Page(replace(UPGRADE, seller=Party("S"), buyer=Party("B"), reference=""))
    assert page.texts("section", "party") == ["From S", "Billed to B"]
    assert [name for name, _ in page.pairs("facts")] == ["Number", "Issued"]
    assert page.texts("p", "note") == []


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (date(2026, 6, 1), date(2026, 7, 1), "1 Jun 2026 – 30 Jun 2026"),
        (date(2028, 2, 1), date(2028, 3, 1), "1 Feb 2028 – 29 Feb 2028"),
        (date(2026, 1, 1), date(2027, 1, 1), "1 Jan 2026 – 31 Dec 2026"),
        (date(2026, 6, 1), date(2026, 6, 2), "1 Jun 2026"),
        (date(2026, 6, 1), date(2026, 6, 1), "1 Jun 2026"),
        (date(2026, 6, 1), None, "1 Jun 2026"),
        (None, date(2026, 7, 1), "until 30 Jun 2026"),
        (None, None, ""),
    ],
)
def test_a_period_ends_on_its_last_day(start: date | None, end: date | None, words: str) -> None:
    """People count the last day, the engine the first that is no longer covered."""
    line = replace(UPGRADE.lines[0], start=start, end=end)
    assert Page(replace(UPGRADE, lines=(line,))).rows()[0][1] == words


def test_tax_stands_between_subtotal_and_total() -> None:
    """It is no line of the table, and tells its formula."""
    tax = PrintedLine("tax", "VAT 21%", None, None, 1, 1575, 1575, "75.00 × 21% = 15.75")
    page = Page(replace(UPGRADE, lines=(*UPGRADE.lines, tax), total=9075, due=9075))
    assert len(page.rows()) == 2
    assert page.pairs("sums") == [
        ("Subtotal", "75.00 USD"),
        ("VAT 21% 75.00 × 21% = 15.75", "15.75 USD"),
        ("Total", "90.75 USD"),
        ("Amount paid", "90.75 USD"),
    ]


def test_what_the_balance_paid_is_taken_off() -> None:
    """75.00 less 30.00 from the balance leave 45.00."""
    page = Page(replace(UPGRADE, status="open", credit=3000, due=4500))
    assert page.pairs("sums")[1:] == [
        ("Total", "75.00 USD"),
        ("From your balance", "-30.00 USD"),
        ("Amount due", "45.00 USD"),
    ]
    assert page.texts("p", "outcome") == ["45.00 USD"]


@pytest.mark.parametrize(
    ("status", "mark", "statement"),
    [
        ("paid", "PAID", "Paid on 15 Jun 2026 with Visa •••• 4242."),
        ("open", "DUE", "To be paid with Visa •••• 4242."),
        ("void", "VOID", "This is void: nothing is owed for it."),
        ("uncollectible", "UNCOLLECTIBLE", "This could not be collected, and is still owed."),
        ("draft", "DRAFT", "This is a draft: nothing is owed for it yet."),
    ],
)
def test_the_mark_tells_how_it_stands(status: str, mark: str, statement: str) -> None:
    """In one word and in a sentence."""
    page = Page(replace(UPGRADE, status=status))
    assert page.texts("p", "mark") == [mark]
    assert page.texts("p", "statement") == [statement]


@pytest.mark.parametrize("kind", ["invoice", "credit_note"])
def test_a_test_says_so(kind: Literal["invoice", "credit_note"]) -> None:
    """X89: in the title and in the statement, on page and PDF."""
    printed = replace(UPGRADE, is_test=True, kind=kind)
    made = sheet(printed)
    assert made.title in ("TEST – Invoice", "TEST – Credit note")
    assert made.statement.startswith("This is a test: nothing is owed, and no money was moved. ")
    assert made.title in as_html(printed)
    assert "TEST" in words_of(as_pdf(printed)) or shutil.which("pdftotext") is None


def test_without_a_method_an_open_invoice_is_simply_due() -> None:
    """Nobody knows yet what will pay it."""
    assert Page(replace(UPGRADE, status="open", method="")).texts("p", "statement") == ["Payment is due."]


def test_a_nil_invoice_adds_up() -> None:
    """On 15 June 200 becomes 50: 50.00 less 100.00, and 50.00 forfeited, are 0.00, and nothing is to pay (rule D5)."""
    page = Page(NIL)
    assert [(row[0].split()[0], row[4]) for row in page.rows()] == [
        ("Starter", "50.00"),
        ("Unused", "-100.00"),
        ("Forfeited", "50.00"),
    ]
    assert page.pairs("sums") == [("Subtotal", "0.00 USD"), ("Total", "0.00 USD"), ("Amount due", "0.00 USD")]
    assert page.texts("p", "mark") == ["PAID"]
    assert page.texts("p", "statement") == ["There is nothing to pay."]


def test_an_invoice_that_the_balance_pays_says_so() -> None:
    """It is not for nothing, though nothing is due."""
    page = Page(replace(UPGRADE, credit=7500, due=0))
    assert page.texts("p", "statement") == ["Paid from your balance."]


def test_a_credit_note_goes_to_the_balance() -> None:
    """25.00 unused wait for the next invoices."""
    page = Page(CREDIT_NOTE)
    assert page.texts("title") == ["Credit note CN-000003"]
    assert page.texts("h2") == ["From", "Credited to"]
    assert page.pairs("sums")[1:] == [("Total", "-25.00 USD"), ("To your balance", "25.00 USD")]
    assert page.texts("p", "mark") == ["CREDITED"]
    assert page.texts("p", "statement") == ["Added to your balance."]


def test_a_credit_note_is_refunded() -> None:
    """Or in part: 10.00 to the balance, 15.00 to the card."""
    page = Page(replace(CREDIT_NOTE, credit=-1000, due=-1500))
    assert page.pairs("sums")[2:] == [("To your balance", "10.00 USD"), ("Refunded", "15.00 USD")]
    assert page.texts("p", "mark") == ["REFUNDED"]
    assert page.texts("p", "statement") == ["Refunded on 15 Jun 2026 to Visa •••• 4242."]


@pytest.mark.parametrize(
    ("currency", "amount", "outcome"), [("JPY", "10000", "7500 JPY"), ("KWD", "10.000", "7.500 KWD")]
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, amount: str, outcome: str) -> None:
    """None for yen, three for dinars (rule E1)."""
    page = Page(replace(UPGRADE, currency=currency))
    assert page.rows()[0][3:] == (amount, amount)
    assert page.pairs("sums")[-1] == ("Amount paid", outcome)
    assert f"Amount {currency}" in page.texts("th")


@pytest.mark.parametrize("printed", [as_html, as_pdf])
def test_an_unknown_currency_is_not_printed(printed: Callable[[Printed], object]) -> None:
    """Its decimals are unknown (rule E1)."""
    with pytest.raises(ValueError, match="is not a currency"):
        printed(replace(UPGRADE, currency="ZZZ"))


SCRIPT = "</p><script>alert(1)</script>"
HOSTILE = replace(
    UPGRADE,
    number=f'"{SCRIPT}',
    status=f'"><b>{SCRIPT}',
    zone=SCRIPT,
    seller=Party(*[SCRIPT] * 4),
    buyer=Party(*[SCRIPT] * 4),
    lines=(PrintedLine(f'"{SCRIPT}', SCRIPT, None, None, 1, 1, 1, SCRIPT), replace(UPGRADE.lines[0], kind="tax")),
    method=SCRIPT,
    reference=SCRIPT,
    note=SCRIPT,
)


def test_no_text_becomes_part_of_the_page() -> None:
    """Whatever people call themselves, the page keeps its elements and shows their words."""
    page = Page(HOSTILE)
    honest = Page(replace(UPGRADE, note="Thank you.", lines=(UPGRADE.lines[1], replace(UPGRADE.lines[0], kind="tax"))))
    assert [element.tag for element in page.elements] == [element.tag for element in honest.elements]
    assert page.texts("p", "name") == [SCRIPT, SCRIPT]


def test_a_page_needs_nothing_else() -> None:
    """No script, no link, nothing that is loaded."""
    page = Page(UPGRADE)
    assert {element.tag for element in page.elements} & {"script", "link", "img", "iframe", "object", "a"} == set()
    assert {name for name, _ in page.attributes} & {"src", "href", "style", "onload"} == set()
    (style,) = page.raw("style")
    assert [word for word in ("url(", "@import", "@font-face") if word in style] == []


def test_a_name_is_one_line_and_can_not_turn_the_writing() -> None:
    """Line breaks become spaces, and marks that turn what follows are shown; right-to-left names stay apart."""
    names = ["Evil\r\nInc", "Evil\u202eInc\x00\ud800", "שלום עולם"]
    shown = [Page(replace(UPGRADE, buyer=Party(name))).texts("bdi", within="name")[1] for name in names]
    assert shown == ["Evil Inc", "Evil\ufffdInc\ufffd\ufffd", "שלום עולם"]


def test_an_address_keeps_its_lines() -> None:
    """However they end, and without those that are empty."""
    page = Page(replace(UPGRADE, buyer=Party("B", "1 Main St\r\n\r\n  Springfield\u202e \n")))
    assert page.raw("p", "lines")[1] == "1 Main St\nSpringfield\ufffd"


def words_of(pdf: bytes) -> str:
    """What can be read in a PDF; of one whose reader is not installed, its title."""
    if reader := shutil.which("pdftotext"):
        done = subprocess.run([reader, "-", "-"], input=pdf, capture_output=True, check=True)
        return done.stdout.decode()
    return pdf.decode("latin-1")


@pytest.mark.parametrize("document", [UPGRADE, NIL, CREDIT_NOTE, replace(UPGRADE, currency="KWD", status="void")])
def test_a_pdf_holds_the_document(document: Printed) -> None:
    """It is one, and bears the number, in its title too."""
    pdf = as_pdf(document)
    assert pdf.startswith(b"%PDF-")
    assert document.number.encode() in pdf
    assert document.number in words_of(pdf)


def test_the_same_document_gives_the_same_pdf() -> None:
    """Its date is the invoice's, for no clock is read."""
    pdf = as_pdf(UPGRADE)
    assert as_pdf(UPGRADE) == pdf
    assert b"D:20260615000000Z" in pdf


def test_no_text_becomes_a_command_of_the_pdf() -> None:
    """What typst would run stands there as it was written."""
    command = '#panic("now") $ * _ @x <y> \\ // [z]'
    party = Party(command, f"{command}\r\n{command}", command, command)
    line = PrintedLine("plan", command, None, None, 1, 1, 1, command)
    document = replace(UPGRADE, number='#panic("now")', seller=party, buyer=party, lines=(line,), note=command)
    assert "#panic" in words_of(as_pdf(document))


def test_a_pdf_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page needs none."""
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(
        LifecycleError, match=r"^PDF invoices need their library: pip install 'lifecycle-engine\[pdf\]'$"
    ) as e:
        as_pdf(UPGRADE)
    assert e.value.code == "extra_missing"
    assert Page(UPGRADE).texts("h1") == ["Invoice"]


def test_page_and_pdf_know_the_same_marks() -> None:
    """A mark has its colour in both."""
    templates = files("lifecycle.documents").joinpath("templates")
    css, typ = (templates.joinpath(f"document.{kind}").read_text(encoding="utf-8") for kind in ("css", "typ"))
    for mark in ("PAID", "CREDITED", "REFUNDED", "DUE", "UNCOLLECTIBLE"):
        assert f".{mark.lower()}" in css
        assert f"  {mark}: " in typ
