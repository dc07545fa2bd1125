"""A Flask application that sells plans, with a SQLAlchemy session of its own.

    lifecycle db upgrade
    python flask_host.py 8000

Under gunicorn, a worker starts the scheduler after the fork: `post_fork` and `worker_exit` in gunicorn.conf.py enter
and leave `lifecycle.start()`. Or no worker does, and `lifecycle run` is a process beside.
"""

from __future__ import annotations

import signal
import sys
from collections import deque
from html import escape
from pathlib import Path

from flask import Flask, Response, jsonify, request
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from lifecycle import Lifecycle, NotFound, Refused, Step
from lifecycle.app.views import as_json

lifecycle = Lifecycle.from_config(Path(__file__).with_name("config.yaml"))
engine = create_engine(lifecycle.database.url)
lifecycle.prepare(engine)
Session = sessionmaker(engine)
app = Flask(__name__)
news: deque[str] = deque(maxlen=100)


class Base(DeclarativeBase):
    """The application's own tables."""


class Farewell(Base):
    """Why somebody cancels."""

    __tablename__ = "farewells"
    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str]


@lifecycle.on("subscription.*")
def tell(step: Step) -> None:
    """A hook: it hears what this process has committed."""
    news.append(step.event)


@app.errorhandler(Refused)
def refused(refusal: Refused) -> tuple[Response, int]:
    """409, with the code for programs and the sentences for people."""
    answer = jsonify(code=refusal.code, message=str(refusal), instead=refusal.instead)
    return answer, 404 if isinstance(refusal, NotFound) else 409


@app.post("/accounts/<reference>")
def sign_up(reference: str) -> Response:
    """A new customer on trial."""
    email = request.json["email"]
    account = lifecycle.accounts.create(reference, email=email)
    return jsonify(as_json(lifecycle.subscriptions.create(account.id, plan="basic", by=email)))


@app.get("/subscriptions/<subscription>")
def plan(subscription: str) -> Response:
    """The customer's plan: its state, what is pending, and what comes next."""
    return jsonify(as_json(lifecycle.subscriptions.get(subscription)))


@app.get("/subscriptions/<subscription>/page")
def page(subscription: str) -> str:
    """The same for people."""
    found = lifecycle.subscriptions.get(subscription)
    return f"<h1>{escape(found.plan)}</h1><p>{found.state}; next: {found.next and found.next.due_at}</p>"


@app.post("/subscriptions/<subscription>/change")
def change(subscription: str) -> Response:
    """Another plan from the next cycle on."""
    asked = request.json
    return jsonify(as_json(lifecycle.subscriptions.change(subscription, plan=asked["plan"], by=asked["by"])))


@app.post("/subscriptions/<subscription>/cancel")
def cancel(subscription: str) -> Response:
    """The farewell and the cancellation are committed together; where it is refused, neither is."""
    asked = request.json
    with Session.begin() as session:
        session.add(Farewell(words=asked["words"]))
        when = asked.get("when", "period_end")
        cancelled = lifecycle.using(session).subscriptions.cancel(subscription, when=when, by=asked["by"])
    return jsonify(as_json(cancelled))


@app.get("/farewells")
def farewells() -> Response:
    """What they said. It reads only, and waits for nobody who writes."""
    with Session() as session:
        session.connection(execution_options={"lifecycle_reads_only": True})
        return jsonify(list(session.scalars(select(Farewell.words))))


@app.get("/news")
def latest() -> Response:
    """What the hook has heard."""
    return jsonify(list(news))


@app.get("/health")
def health() -> tuple[Response, int]:
    """503 where something is wrong that is needed."""
    found = lifecycle.health()
    return jsonify(as_json(found)), 200 if found.ok else 503


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # signals are the host's: so this one unwinds the block below
    Base.metadata.create_all(engine)
    with lifecycle.start():
        app.run(port=int(sys.argv[1]))
    lifecycle.close()
