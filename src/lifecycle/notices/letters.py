"""A notice as it is read: a subject in one line, a text, and a page of HTML that fetches nothing when it is opened.

Each occasion has one template, `<kind>.jinja`, with a block for the subject and one for the body. It is rendered twice:
with the pieces of `parts.txt` in the layout `layout.txt`, as it is, and with those of `parts.html` in `layout.html`,
where everything that comes from outside is escaped. A host's file of the same name takes the place of one of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from gettext import NullTranslations
from pathlib import Path

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    pass_context,
)
from jinja2.runtime import Context
from markupsafe import Markup

from lifecycle.documents.words import harmless
from lifecycle.errors import LifecycleError
from lifecycle.notices.contents import Contents
from lifecycle.notices.kinds import MERGED
from lifecycle.notices.speech import Speech

EXTENSIONS = ["jinja2.ext.i18n"]
_BLANKS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Late:
    """One of several occasions in one mail."""

    day: str
    subject: str
    body: str


class Letters:
    """Writes letters in the language of these `texts`; `templates` is a host's folder."""

    def __init__(self, texts: NullTranslations, templates: Path | None = None) -> None:
        self._text = _environment(texts, templates, "txt", html=False)
        self._html = _environment(texts, templates, "html", html=True)

    def kinds(self) -> Sequence[str]:
        """Every occasion that there is a template for, a host's too."""
        names = self._text.list_templates(extensions=["jinja"])
        return sorted(name.removesuffix(".jinja") for name in names)

    def letter(self, told: Contents) -> Letter:
        """Of one occasion. Raises LifecycleError (`notice_unknown`) for one without a template."""
        subject = self._subject(told)
        pages = [self._page(env, told, subject) for env in (self._text, self._html)]
        return Letter(subject, _spaced(pages[0]), pages[1])

    def merged(self, occasions: Sequence[Contents]) -> Letter:
        """Of several occasions, each with its day, in the order that they are given in."""

        def late(env: Environment, clean: Callable[[str], str]) -> tuple[Late, ...]:
            return tuple(Late(one.day, self._subject(one), clean(self._block(env, one, "body"))) for one in occasions)

        whole = replace(occasions[-1], kind=MERGED, late=late(self._text, str.strip))
        subject = self._subject(whole)
        page = self._page(self._html, replace(whole, late=late(self._html, Markup)), subject)
        return Letter(subject, _spaced(self._page(self._text, whole, subject)), page)

    def _subject(self, told: Contents) -> str:
        return harmless(self._block(self._text, told, "subject"))

    def _page(self, env: Environment, told: Contents, subject: str) -> str:
        return _template(env, told.kind).render(_names(told, env), subject=subject)

    def _block(self, env: Environment, told: Contents, name: str) -> str:
        template = _template(env, told.kind)
        context = template.new_context(_names(told, env))
        return "".join(template.blocks[name](context))


def _names(told: Contents, env: Environment) -> dict[str, object]:
    return {field.name: getattr(told, field.name) for field in fields(told)} | {"layout": env.globals["layout"]}


def _template(env: Environment, kind: str) -> Template:
    try:
        return env.get_template(f"{kind}.jinja")
    except TemplateNotFound as error:
        told = f"There is no template {error.name!r}, neither of ours nor in `mail.templates`."
        raise LifecycleError(told, code="notice_unknown") from error


def _spaced(text: str) -> str:
    """With one empty line at most between two that are not, and nothing at the ends of lines."""
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return _BLANKS.sub("\n\n", lines) + "\n"


def _environment(texts: NullTranslations, templates: Path | None, form: str, *, html: bool) -> Environment:
    ours = PackageLoader("lifecycle.notices")
    env = Environment(
        loader=ours if templates is None else ChoiceLoader([FileSystemLoader(templates), ours]),
        autoescape=html,  # noqa: S701  # text would be spoilt
        undefined=StrictUndefined,
        finalize=_shown,
        extensions=EXTENSIONS,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    env.filters |= {"day": _day, "moment": _moment, "money": _money, "number": _number}
    env.globals["layout"] = f"layout.{form}"
    env.globals["parts"] = env.get_template(f"parts.{form}").module
    return env


def _shown(value: object) -> object:
    """Nothing for what an occasion does not have."""
    return "" if value is None else value


@pass_context
def _day(context: Context, when: datetime | str) -> str:
    return _speech(context).day(_instant(when))


@pass_context
def _moment(context: Context, when: datetime | str) -> str:
    return _speech(context).moment(_instant(when))


@pass_context
def _money(context: Context, minor: int, currency: str) -> str:
    return _speech(context).money(minor, currency)


@pass_context
def _number(context: Context, count: int) -> str:
    return _speech(context).number(count)


def _speech(context: Context) -> Speech:
    speech: Speech = context["speech"]
    return speech


def _instant(when: datetime | str) -> datetime:
    return datetime.fromisoformat(when) if isinstance(when, str) else when
