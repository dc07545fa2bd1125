"""What notices say: every occasion in words, in other languages, with names that mean harm, and a host's templates."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from lifecycle.errors import LifecycleError
from lifecycle.notices import example
from lifecycle.notices.catalogue import template
from lifecycle.notices.contents import Contents, House, Personal, contents
from lifecycle.notices.kinds import KINDS
from lifecycle.notices.letters import Letter, Letters
from lifecycle.notices.mail import Mail, Person
from lifecycle.notices.speech import Speech
from tests.catalogues import translated

SHOP = House("Example Ltd", "help@example.test", {"team": "Team"})
ENGLISH = Speech("en", "Europe/Paris")
EVIL = "Ann\r\nBcc: eve@evil.test \u202e<script>alert(1)</script>"
AT = datetime.fromisoformat("2026-06-01T09:00:00+00:00")


def told(kind: str, personal: Personal = example.PERSONAL, house: House = SHOP, speech: Speech = ENGLISH) -> Contents:
    """What the template of a made-up occasion sees."""
    return contents(kind, example.payload(kind), personal, house, speech)


def letter(kind: str, personal: Personal = example.PERSONAL, house: House = SHOP, speech: Speech = ENGLISH) -> Letter:
    """What is written of it."""
    return Letters(speech.translations).letter(told(kind, personal, house, speech))


def words(page: str) -> str:
    """What a reader of a page sees."""
    return re.sub(r"<[^>]*>", " ", re.sub(r"<head>.*</head>", "", page, flags=re.S))


@pytest.mark.parametrize("kind", [*KINDS, "merged"])
def test_nothing_is_fetched_when_a_mail_is_opened(kind: str) -> None:
    """No picture, no font, no style, no link of ours: no address of anything (X318)."""
    letters = Letters(ENGLISH.translations)
    written = letters.merged([told(one) for one in KINDS]) if kind == "merged" else letters.letter(told(kind))
    assert written.subject
    for text in (written.subject, written.text, written.html):
        assert not re.search(r"https?:|//|src=|href=|url\(|@import", text)
        assert "None" not in text


def test_amounts_and_dates_are_those_of_the_account() -> None:
    """130.00 of 140.00 were charged, in Paris, for 1 to 30 June (X319)."""
    written = letter("renewed")
    assert written.subject == "Your subscription to Team was renewed"
    assert "from June 1, 2026 to June 30, 2026. Thank you for your payment of $130.00." in " ".join(
        written.text.split()
    )
    assert "From your balance: $10.00\nAmount: $130.00\nPayment method: Visa •••• 4242" in written.text


@pytest.mark.parametrize(
    ("language", "minor", "currency", "expected"),
    [
        ("en", 500000, "HUF", "HUF\N{NO-BREAK SPACE}5,000.00"),
        ("en", 5000, "JPY", "¥5,000"),
        ("en", -1234, "KWD", "-KWD\N{NO-BREAK SPACE}1.234"),
        ("de", 123456, "EUR", "1.234,56\N{NO-BREAK SPACE}€"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(language: str, minor: int, currency: str, expected: str) -> None:
    """As ISO 4217 gives them, in the way of the language (X321)."""
    assert Speech(language, "UTC").money(minor, currency) == expected


def test_another_language_has_its_own_plurals_dates_and_amounts(tmp_path: Path) -> None:
    """By a catalogue of gettext; what that does not have stays English (X321)."""
    german = {
        "You have %(count)s seat of %(plan)s now": (
            "Sie haben jetzt %(count)s Platz in %(plan)s",
            "Sie haben jetzt %(count)s Plätze in %(plan)s",
        ),
        "Price": "Preis",
    }
    speech = Speech("de", "Europe/Berlin", translated(tmp_path, "de", german))
    five = told("seats_changed", speech=speech)
    letters = Letters(speech.translations)
    assert letters.letter(five).subject == "Sie haben jetzt 5 Plätze in Team"
    assert letters.letter(replace(five, seats=1)).subject == "Sie haben jetzt 1 Platz in Team"
    assert "Preis: 140,00\N{NO-BREAK SPACE}$" in letters.letter(five).text
    assert "Renews on: 1. Juli 2026" in letters.letter(told("changed", speech=speech)).text
    assert 'lang="de" dir="ltr"' in letters.letter(five).html


def test_a_language_without_a_catalogue_has_english_texts(tmp_path: Path) -> None:
    """With its own dates; and a page that says which language it is in (X321)."""
    written = letter("changed", speech=Speech("ar", "UTC", tmp_path))
    assert "this is what you have:" in written.text
    assert "1 يوليو 2026" in written.text
    assert 'lang="en" dir="ltr"' in written.html


@pytest.mark.parametrize("kind", [*KINDS, "merged"])
def test_every_text_can_be_translated(kind: str, tmp_path: Path) -> None:
    """Translated letter by letter, nothing is left that a template has by itself (X321)."""

    def cyrillic(text: str) -> str:
        return "".join(part if part.startswith("%(") else re.sub("[A-Za-z]", "ж", part) for part in split.split(text))

    split = re.compile(r"(%\(\w+\)s)")
    speech = Speech("ru", "UTC", translated(tmp_path, "ru", cyrillic))
    personal = Personal("1", "2", "Ж", "Ж", "3", "4", (2026, 7), "5", "6", "", example.PERSONAL.token_expires)
    house = House("Ж", "", {"team": "Ж"})
    letters = Letters(speech.translations)
    if kind == "merged":
        written = letters.merged([told(one, personal, house, speech) for one in KINDS])
    else:
        written = letters.letter(told(kind, personal, house, speech))
    for text in (written.subject, written.text, words(written.html)):
        assert re.findall("[A-Za-z]+", text.replace("(UTC)", "").replace("webhook_example", "")) == []


def test_the_template_for_translators_has_every_text_once() -> None:
    """With its plural, and where it stands; and no date, so that it changes only with the texts (X321)."""
    made = template()
    assert made.count('msgid "Billing interval"') == 1
    assert 'msgid_plural "You have %(count)s seats of %(plan)s now"' in made
    assert "POT-Creation-Date" not in made


def test_a_name_that_means_harm_is_text() -> None:
    """A tag, a mark that turns the direction of writing, and the end of a header (X322)."""
    written = letter("member_invited", replace(example.PERSONAL, account_name=EVIL, member_name=EVIL))
    assert "\n" not in written.subject
    assert "Ann Bcc: eve@evil.test \ufffd<script>" in written.subject
    assert "\u202e" not in written.subject + written.text + written.html
    assert "<script" not in written.html
    assert "Hello Ann Bcc: eve@evil.test \ufffd&lt;script&gt;alert(1)&lt;/script&gt;," in written.html
    assert "Hello Ann Bcc: eve@evil.test \ufffd<script>alert(1)</script>," in " ".join(written.text.split())


def test_no_header_can_be_put_in_by_a_name() -> None:
    """They are the same headers, whatever somebody is called (X322)."""
    written = letter("member_invited", replace(example.PERSONAL, account_name=EVIL))
    ours = Mail("out_1", "renewed", Person("a@shop.test", EVIL), Person("b@x.test", EVIL), written, AT)
    lines = ours.as_message().as_bytes().partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n")
    assert [line.partition(b":")[0].decode() for line in lines] == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Lifecycle-Kind", "MIME-Version"),
        "Content-Type",
    ]


def test_a_mail_is_the_same_bytes_each_time() -> None:
    """Under a Message-ID that is the message's, and of the sender's domain as the DNS has it (X322)."""
    mail = Mail("out_1", "renewed", Person("a@bücher.test"), Person("b@x.test"), letter("renewed"), AT)
    assert mail.as_message().as_bytes() == mail.as_message().as_bytes()
    assert mail.as_message()["Message-ID"] == "<out_1@xn--bcher-kva.test>"
    assert mail.as_message()["Date"] == "Mon, 01 Jun 2026 09:00:00 +0000"
    assert not mail.needs_utf8
    assert replace(mail, to=Person("jürgen@x.test")).needs_utf8


def test_a_hosts_file_takes_the_place_of_ours(tmp_path: Path) -> None:
    """One by one; and kinds of its own machines have templates there (X320)."""
    (tmp_path / "renewed.jinja").write_text(
        "{% extends layout %}{% block subject %}Again!{% endblock %}"
        "{% block body %}{% call parts.p() %}{{ account }}: {{ amount }}{% endcall %}{% endblock %}"
    )
    (tmp_path / "bike_ready.jinja").write_text(
        "{% extends layout %}{% block subject %}Ready until {{ facts.until | day }}{% endblock %}"
        "{% block body %}{{ parts.fact('Price', facts.price | money('EUR')) }}{{ 1000 | number }}{% endblock %}"
    )
    letters = Letters(ENGLISH.translations, tmp_path)
    ours = letters.letter(told("renewed", replace(example.PERSONAL, account_name="A & B")))
    assert (ours.subject, ours.text.splitlines()[0]) == ("Again!", "A & B: $130.00")
    assert "A &amp; B: $130.00" in ours.html
    bike = {"facts": {"until": "2026-06-30T22:30:00+00:00", "price": 450}, "machine": "bike"}
    payload = example.payload("bike_ready") | bike
    ready = letters.letter(contents("bike_ready", payload, example.PERSONAL, SHOP, ENGLISH))
    assert ready.subject == "Ready until July 1, 2026"  # it is half past midnight in Paris
    assert ready.text.startswith("Price: €4.50\n1,000\n")
    assert letters.letter(told("ended")).subject == "Your subscription to Team has ended"


def test_an_occasion_without_a_template_is_an_error() -> None:
    """It can be mended, and the mail sent then (X320)."""
    with pytest.raises(LifecycleError, match=r"no template 'bike_lost.jinja'") as error:
        Letters(ENGLISH.translations).letter(replace(told("ended"), kind="bike_lost"))
    assert error.value.code == "notice_unknown"


def test_a_link_of_the_hosts_leads_to_their_page() -> None:
    """With the account in its place, which it can't leave (X320)."""
    house = replace(SHOP, link="https://shop.test/a/{reference}?x={account}")
    written = letter("renewed", replace(example.PERSONAL, reference='a/../"><b>'), house)
    address = "https://shop.test/a/a%2F..%2F%22%3E%3Cb%3E?x=acct_example"
    assert address in written.text
    assert f'href="{address}"' in written.html
