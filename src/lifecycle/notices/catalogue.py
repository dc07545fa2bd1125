"""The texts of the templates, for those who translate them: a message template of gettext, made with Babel."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po

from lifecycle.notices.letters import EXTENSIONS

FORMS = ("jinja", "txt", "html")
_OPTIONS = {"extensions": ",".join(EXTENSIONS), "trimmed": "true", "silent": "false"}


def template(folder: Path | None = None) -> str:
    """The `.pot` of the shipped templates, with a host's of this folder in the place of ours of the same name. Raises
    OSError."""
    catalog = Catalog(project="lifecycle", charset="utf-8")
    for name, source in _sources(folder):
        found = extract("jinja2.ext:babel_extract", BytesIO(source), options=_OPTIONS)
        for line, message, comments, context in found:
            catalog.add(message, locations=[(name, line)], auto_comments=comments, context=context)
    written = BytesIO()
    write_po(written, catalog, omit_header=False, width=100, sort_by_file=True)
    return "\n".join(line for line in written.getvalue().decode().splitlines() if "-Date:" not in line) + "\n"


def _sources(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    ours = {one.name: one.read_bytes() for one in files("lifecycle.notices").joinpath("templates").iterdir()}
    theirs = {} if folder is None else {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
    for name, source in sorted((ours | theirs).items()):
        if name.rpartition(".")[2] in FORMS:
            yield name, source
