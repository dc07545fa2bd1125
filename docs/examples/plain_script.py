"""A script that sells a plan, cancels it together with a row of its own, and waits for the end.

lifecycle db upgrade
python plain_script.py
"""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from lifecycle import Lifecycle, Refused, Step

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # log lines; unless told so, on stdout
ANN = "ann@acme.test"

lifecycle = Lifecycle.from_config(Path(__file__).with_name("config.yaml"))
engine = create_engine(lifecycle.database.url)
lifecycle.prepare(engine)
over = threading.Event()


class Base(DeclarativeBase):
    """The script's own tables."""


class Farewell(Base):
    """Why somebody cancels."""

    __tablename__ = "farewells"
    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str]


@lifecycle.on("subscription.ended")
def stop(step: Step) -> None:
    """A hook: it hears of the end, on a thread of the scheduler."""
    print("ended by", step.event)
    over.set()


def main() -> None:
    """From a trial to its end, one second later."""
    Base.metadata.create_all(engine)
    with lifecycle.start():
        account = lifecycle.accounts.create("acme", email=ANN)
        sub = lifecycle.subscriptions.create(account.id, plan="basic", by=ANN)
        print(sub.state, "until", sub.next and sub.next.due_at)
        with Session(engine) as session, session.begin():
            session.add(Farewell(words="We go elsewhere."))
            ends = datetime.now(UTC) + timedelta(seconds=1)
            lifecycle.using(session).subscriptions.cancel(sub.id, when=ends, by=ANN)
        try:
            lifecycle.subscriptions.change(sub.id, plan="team", by=ANN)
        except Refused as refusal:
            print(refusal.code, "-", refusal.instead)
        over.wait(60)
    for step in lifecycle.subscriptions.history(sub.id):
        print(step.at, step.event, step.source, step.target)
    lifecycle.close()


if __name__ == "__main__":
    main()
