"""A FastAPI application that sells plans, with an AsyncSession of its own.

    lifecycle db upgrade
    uvicorn fastapi_host:app

With `--workers 4`, or with `--reload`, each process starts a scheduler in its lifespan; they share the work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from lifecycle import Lifecycle, NotFound, Refused, Step
from lifecycle.app.views import as_json

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql+psycopg": "postgresql+psycopg_async"}

lifecycle = Lifecycle.from_config(Path(__file__).with_name("config.yaml"))
url = lifecycle.database.url
engine = create_async_engine(url.set(drivername=DRIVERS[url.drivername]))
lifecycle.prepare(engine)
Session = async_sessionmaker(engine)
news: deque[str] = deque(maxlen=100)


class Base(DeclarativeBase):
    """The application's own tables."""


class Farewell(Base):
    """Why somebody cancels."""

    __tablename__ = "farewells"
    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Fire what is deferred for as long as the server runs; on its way out the scheduler finishes what it is doing."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    with lifecycle.start():
        yield
    await engine.dispose()
    lifecycle.close()


app = FastAPI(lifespan=lifespan)


@lifecycle.on("subscription.*")
def tell(step: Step) -> None:
    """A hook: it hears what this process has committed."""
    news.append(step.event)


@app.exception_handler(Refused)
def refused(_: Request, refusal: Refused) -> JSONResponse:
    """409, with the code for programs and the sentences for people."""
    answer = {"code": refusal.code, "message": str(refusal), "instead": refusal.instead}
    return JSONResponse(answer, 404 if isinstance(refusal, NotFound) else 409)


@app.post("/accounts/{reference}")
def sign_up(reference: str, email: str = Body(embed=True)) -> object:
    """A new customer on trial. A plain `def`: FastAPI runs it in a thread, where it may wait for the database."""
    account = lifecycle.accounts.create(reference, email=email)
    return as_json(lifecycle.subscriptions.create(account.id, plan="basic", by=email))


@app.get("/subscriptions/{subscription}")
def plan(subscription: str) -> object:
    """The customer's plan: its state, what is pending, and what comes next."""
    return as_json(lifecycle.subscriptions.get(subscription))


@app.post("/subscriptions/{subscription}/change")
def change(subscription: str, plan: str = Body(), by: str = Body()) -> object:
    """Another plan from the next cycle on."""
    return as_json(lifecycle.subscriptions.change(subscription, plan=plan, by=by))


@app.post("/subscriptions/{subscription}/cancel")
async def cancel(subscription: str, by: str = Body(), words: str = Body(), when: str = Body("period_end")) -> object:
    """The farewell and the cancellation are committed together; where it is refused, neither is."""
    async with Session.begin() as session:
        session.add(Farewell(words=words))
        return as_json(await lifecycle.using_async(session).subscriptions.cancel(subscription, when=when, by=by))


@app.get("/farewells")
async def farewells() -> list[str]:
    """What they said. It reads only, and waits for nobody who writes."""
    async with Session() as session:
        await session.connection(execution_options={"lifecycle_reads_only": True})
        return list(await session.scalars(select(Farewell.words)))


@app.get("/news")
def latest() -> list[str]:
    """What the hook has heard."""
    return list(news)


@app.get("/health")
def health() -> JSONResponse:
    """503 where something is wrong that is needed."""
    found = lifecycle.health()
    return JSONResponse(as_json(found), 200 if found.ok else 503)
