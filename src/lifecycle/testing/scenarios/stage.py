"""Where a story is played: an engine on a virtual clock, the names that the story gives, and who is meant at a step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.app.lifecycle import Lifecycle
from lifecycle.domain.account import Account
from lifecycle.errors import LifecycleError, NotFound
from lifecycle.testing.notices import News
from lifecycle.testing.scenarios.model import Step
from lifecycle.testing.traveller import Traveller

GOOD_CARD = "ok"


class StoryStuck(LifecycleError):
    """A step can't be played, whatever the engine does (code `story_stuck`)."""

    code = "story_stuck"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a step is about: an account by its reference, and its subscription, if it has one yet."""

    account: str
    subscription: str | None = None


@dataclass(slots=True)
class Stage:
    """What a story has come to so far. `subject` is the last one; `news` tells each notice once; `folder` is where its
    file lies."""

    traveller: Traveller
    folder: Path = field(default_factory=Path)
    subject: Subject | None = None
    named: dict[str, Subject] = field(default_factory=dict)
    quote: str | None = None
    code: str | None = None
    by_scheduler: bool = False
    news: News = field(init=False)

    def __post_init__(self) -> None:
        self.news = News(self.lifecycle)

    @property
    def lifecycle(self) -> Lifecycle:
        """The engine."""
        return self.traveller.lifecycle

    def subject_of(self, step: Step) -> Subject:
        """Whom a step is about. Raises StoryStuck."""
        if step.sub is None:
            if self.subject is None:
                raise StoryStuck("Nobody is there yet: begin with `account` or `subscribe`.")
            return self.subject
        if step.sub not in self.named:
            raise StoryStuck(f"Nothing is called {step.sub!r} yet.")
        return self.named[step.sub]

    def subscription_of(self, step: Step) -> str:
        """The subscription that a step is about. Raises StoryStuck."""
        subject = self.subject_of(step)
        if subject.subscription is None:
            raise StoryStuck(f"{subject.account} has no subscription yet.")
        return subject.subscription

    def account_of(self, step: Step) -> Account:
        """The account that a step is about. Raises StoryStuck."""
        return self.lifecycle.accounts.get(self.subject_of(step).account)

    def actor_of(self, step: Step) -> str:
        """Who acts at a step: the account's administrator, unless told; `member` is somebody who is none."""
        account = self.account_of(step)
        if step.by != "member":
            return step.by or account.email
        plain = (one.email for one in self.lifecycle.members.list(account.id) if one.role == "member")
        return next(plain, f"member.of.{account.email}")

    def open_account(self, name: str, zone: str | None = None, currency: str | None = None) -> None:
        """An account with a good card, which is spoken of from now on."""
        email = f"{re.sub('[^a-z0-9]+', '.', name.lower()).strip('.') or 'admin'}@example.com"
        self.lifecycle.accounts.create(name, email=email, zone=zone, currency=currency, payment_method=GOOD_CARD)
        self.subject = Subject(name)

    def meet(self, name: str) -> None:
        """Speak of an account from now on, which is opened if it is not there."""
        try:
            self.lifecycle.accounts.get(name)
        except NotFound:
            self.open_account(name)
        if self.subject is None or self.subject.account != name:
            self.subject = Subject(name)

    def keep(self, account: str, subscription: str, name: str | None = None) -> None:
        """Speak of a subscription from now on; `sub:` finds it under a name, the account's unless given."""
        self.subject = self.named[name or account] = Subject(account, subscription)
