"""Catalogues of gettext, made by a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from lifecycle.notices.catalogue import template

Texts = str | Sequence[str]


def translated(folder: Path, language: str, of: Callable[[str], str] | Mapping[str, Texts]) -> Path:
    """A folder of catalogues with one of this language: each text is what a function makes of it, or a map has."""
    source = read_po(BytesIO(template().encode()), locale=language)
    made = Catalog(locale=language)
    for message in source:
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        if not ids[0]:
            continue
        if callable(of):
            texts: Texts = [of(ids[-1])] * made.num_plurals if len(ids) > 1 else of(ids[0])
        else:
            texts = of.get(ids[0], "")
        made.add(message.id, texts if isinstance(texts, str) else tuple(texts))
    there = folder / language / "LC_MESSAGES"
    there.mkdir(parents=True)
    with (there / "lifecycle.mo").open("wb") as file:
        write_mo(file, made)
    return folder
