"""Dates, amounts and lengths as people of a language write them, and its texts; instants are local to one zone."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from gettext import GNUTranslations, NullTranslations, translation
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, parse_pattern
from babel.units import format_unit

from lifecycle.domain.calendar import Interval, local
from lifecycle.domain.money import exponent

DOMAIN = "lifecycle"
"""What a catalogue is called: `<language>/LC_MESSAGES/lifecycle.mo`."""
SOURCE = "en"
"""The language that the templates are written in."""
_LETTER_BEFORE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=-?[0-9])")


class Speech:
    """One language in one zone. Where there is no catalogue of it, texts are English and dates are its own.

    Raises ValueError for a language that Babel does not know, OSError for a catalogue that can't be read.
    """

    def __init__(self, language: str, zone: str, catalogues: Path | None = None) -> None:
        self.language = language
        self.zone = zone
        self.locale = Locale.parse(language.replace("-", "_"))
        self.translations = _texts(self.locale, catalogues)

    @property
    def of_texts(self) -> str:
        """The language of the texts, which are English where there is no catalogue."""
        return self.language if isinstance(self.translations, GNUTranslations) else SOURCE

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, as HTML says it of the texts."""
        turned = self.of_texts == self.language and self.locale.character_order == "right-to-left"
        return "rtl" if turned else "ltr"

    def day(self, when: datetime | date) -> str:
        """`1 June 2026`, of an instant on its local day."""
        there = local(when, self.zone).date() if isinstance(when, datetime) else when
        return format_date(there, format="long", locale=self.locale)

    def moment(self, when: datetime) -> str:
        """The day and the time of day, with its zone."""
        there = local(when, self.zone)
        return f"{self.day(when)}, {format_time(there.time(), format='short', locale=self.locale)} ({self.zone})"

    def month(self, year: int, month: int) -> str:
        """`06/2026`, as a card bears it."""
        return format_date(date(year, month, 1), format="MM/yyyy", locale=self.locale)

    def money(self, minor: int, currency: str) -> str:
        """Minor units with the decimals that ISO 4217 gives the currency, whatever the pattern of the language has.

        Raises ValueError for an unknown currency.
        """
        digits = exponent(currency)
        pattern = parse_pattern(self.locale.currency_formats["standard"].pattern)
        pattern.frac_prec = (digits, digits)
        amount = Decimal(minor).scaleb(-digits)
        written = str(pattern.apply(amount, self.locale, currency=currency, currency_digits=False))
        return _LETTER_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", written)

    def number(self, count: int) -> str:
        """`1,000`."""
        return format_decimal(count, locale=self.locale)

    def interval(self, interval: Interval) -> str:
        """`1 month`, `2 weeks`, `1 year`."""
        unit, count = interval.unit, interval.count
        for whole, part, size in (("year", "month", 12), ("week", "day", 7)):
            if unit == part and count % size == 0:
                return format_unit(count // size, f"duration-{whole}", length="long", locale=self.locale)
        return format_unit(count, f"duration-{unit}", length="long", locale=self.locale)


def _texts(locale: Locale, catalogues: Path | None) -> NullTranslations:
    if catalogues is None or locale.language == SOURCE:
        return NullTranslations()
    names = [str(locale), locale.language]
    return translation(DOMAIN, catalogues, names, fallback=True)
