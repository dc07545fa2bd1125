"""A document as one page of HTML that needs nothing else: no script, no link, no font from elsewhere."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from lifecycle.documents.model import Printed
from lifecycle.documents.sheet import sheet


def as_html(document: Printed) -> str:
    """The page, to be shown, sent or printed on A4 or Letter. Raises ValueError for an unknown currency."""
    return _template().render(sheet=sheet(document))


@cache
def _template() -> Template:
    made = Environment(
        loader=PackageLoader("lifecycle.documents"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return made.get_template("document.html")
