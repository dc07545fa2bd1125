"""Notices as mails, by the configuration: in whose language, from whom, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from secrets import token_urlsafe

from lifecycle.app.addressing import Addressed, addressed, personal
from lifecycle.app.context import Context
from lifecycle.app.people import digest
from lifecycle.domain.machine import Json
from lifecycle.engine.outbox import Message
from lifecycle.notices.contents import House, Personal, contents
from lifecycle.notices.letters import Letter, Letters
from lifecycle.notices.mail import Mail, Person
from lifecycle.notices.speech import Speech
from lifecycle.store import members

NOWHERE = "notices@localhost"
"""Who writes, where the configuration names nobody."""
_PASSWORD = "password_email"  # noqa: S105  # an occasion


class Writer:
    """`clock` is the named clock that its mails are marked with."""

    def __init__(self, context: Context, clock: str | None = None) -> None:
        self._context = context
        self._clock = clock
        self._letters: dict[str, Letters] = {}

    def mail(self, messages: Sequence[Message]) -> Mail:
        """The mail of the first of these messages, which tells all of them, in the order of what they tell.

        Raises Undeliverable where nobody is to get it, and LifecycleError for an occasion without a template.
        """
        first, config = messages[0], self._context.config
        with self._context.database.reading() as connection:
            to = addressed(connection, config, first.kind, first.payload)
            ordered = sorted(messages, key=lambda one: (datetime.fromisoformat(one.payload["at"]), one.id))
            told = [(one, personal(connection, one.kind, one.payload, to)) for one in ordered]
        if to.member is not None:
            told = [(one, self._with_token(one.kind, its, to)) for one, its in told]
        return Mail(
            id=first.id,
            kind=first.kind,
            sender=Person(config.mail.sender or config.seller.email or NOWHERE, config.seller.name),
            to=to.to,
            letter=self.letter([(one.kind, one.payload, its) for one, its in told], to.language, to.zone),
            written_at=first.created_at,
            reply_to=Person(config.mail.reply_to) if config.mail.reply_to else None,
            clock=self._clock,
        )

    def letter(self, told: Sequence[tuple[str, Json, Personal]], language: str, zone: str) -> Letter:
        """What is written of these kinds and payloads. Raises LifecycleError (`notice_unknown`)."""
        speech, house = self._speech(language, zone), self._house()
        words = [contents(kind, payload, its, house, speech) for kind, payload, its in told]
        letters = self._letters_in(speech)
        return letters.letter(words[0]) if len(words) == 1 else letters.merged(words)

    def kinds(self) -> Sequence[str]:
        """Every occasion that there is a template for."""
        return self._letters_in(self._speech("en", "UTC")).kinds()

    def _with_token(self, kind: str, its: Personal, to: Addressed) -> Personal:
        """With a token of its own each time that it is sent: all of them work, until one is used, which forgets them
        all. Who is invited gets one only where there is a page that takes it."""
        link, owner = self._context.config.mail.password_link, to.account
        if owner is None or to.member is None or not (kind == _PASSWORD or link):
            return its
        token = token_urlsafe(32)
        with self._context.database.writing() as connection:
            now = self._context.now(connection, owner.clock)
            expires_at = self._context.config.password_token.after(now, owner.zone)
            members.keep_token(connection, digest(token), to.member.id, expires_at)
        return replace(its, token=token, password_link=link, token_expires=expires_at)

    def _speech(self, language: str, zone: str) -> Speech:
        return Speech(language, zone, self._folder(self._context.config.mail.catalogues))

    def _letters_in(self, speech: Speech) -> Letters:
        if (found := self._letters.get(speech.language)) is None:
            found = Letters(speech.translations, self._folder(self._context.config.mail.templates))
            self._letters[speech.language] = found
        return found

    def _folder(self, name: str | None) -> Path | None:
        return None if name is None else self._context.config.path.parent / name

    def _house(self) -> House:
        config = self._context.config
        plans = {plan.id: plan.name for plan in config.catalog.plans.values()}
        return House(config.seller.name, config.seller.email, plans, config.mail.link)
