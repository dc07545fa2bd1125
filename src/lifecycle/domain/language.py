"""Languages, as they are named in accounts and in the configuration: `en`, `de`, `pt-BR`, as BCP 47 writes them."""

from __future__ import annotations

import re

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")


def language_tag(text: str) -> str:
    """The tag of a language whose dates and amounts can be written, in its usual form: `pt-BR` for `PT_br`.

    Raises ValueError for any other.
    """
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415  # slow to import, and seldom needed

    expected = f"{text!r} is not a language whose dates are known: write one such as en, de or pt-BR."
    if not _TAG.fullmatch(text):
        raise ValueError(expected)
    try:
        locale = Locale.parse(text.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(expected) from error
    return str(locale).replace("_", "-")
