"""A document as PDF on A4, by typst. The same document gives the same bytes: no clock is read, no font of the machine.

The fonts that come with typst know Latin, Greek, Cyrillic and Hebrew; letters of other scripts show as empty boxes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files

from lifecycle.documents.model import Printed
from lifecycle.documents.sheet import sheet
from lifecycle.errors import LifecycleError


def as_pdf(document: Printed) -> bytes:
    """The PDF. Raises LifecycleError (`extra_missing`), and ValueError for an unknown currency."""
    try:
        import typst  # noqa: PLC0415 - an extra, which only those who print need
    except ImportError as error:
        raise LifecycleError(
            "PDF invoices need their library: pip install 'lifecycle-engine[pdf]'", code="extra_missing"
        ) from error
    issued = datetime(document.issued.year, document.issued.month, document.issued.day, tzinfo=UTC)
    return typst.compile(
        files("lifecycle.documents").joinpath("templates/document.typ").read_bytes(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"sheet": json.dumps(asdict(sheet(document)))},
        timestamp=issued,
    )
