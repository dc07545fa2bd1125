"""APScheduler 3 and its SQLAlchemy job store: date jobs that are all due, each of which inserts one row.

Run as `python -I apscheduler_store.py URL NUMBER` on an empty PostgreSQL database; prints what it took, as JSON. The
jobs run in the default pool of ten threads, and may be as late as they are. The scheduler takes each out of the store,
in a transaction of its own, as it hands it to a thread: whether the job then succeeds or not.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from threading import Semaphore
from time import perf_counter, process_time

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_MISSED
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import create_engine, text

URL, NUMBER = sys.argv[1], int(sys.argv[2])
ENGINE = create_engine(URL, pool_size=11)  # ten threads', and the scheduler's


def write(n: int) -> None:
    """What each job does; the store names it, so it stands in the module."""
    with ENGINE.begin() as connection:
        connection.execute(text("INSERT INTO done (n) VALUES (:n)"), {"n": n})


def main() -> None:
    """Have the jobs stored by a scheduler that pauses, let it go, and wait for all of them."""
    with ENGINE.begin() as connection:
        connection.execute(text("CREATE TABLE done (n integer PRIMARY KEY)"))
    ended = Semaphore(0)
    scheduler = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(engine=ENGINE)}, timezone=UTC)
    scheduler.add_listener(lambda _: ended.release(), EVENT_JOB_EXECUTED | EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    scheduler.start(paused=True)
    due = datetime.now(UTC) - timedelta(seconds=1)
    for n in range(NUMBER):
        scheduler.add_job(write, "date", run_date=due, args=(n,), misfire_grace_time=None)
    began, cpu = perf_counter(), process_time()
    scheduler.resume()
    for _ in range(NUMBER):
        ended.acquire()
    scheduler.shutdown()  # it may still be taking the last ones out of the store
    seconds, cpu_seconds = perf_counter() - began, process_time() - cpu
    with ENGINE.connect() as connection:
        written = connection.scalar(text("SELECT count(*) FROM done"))
        left = connection.scalar(text("SELECT count(*) FROM apscheduler_jobs"))
    if (written, left) != (NUMBER, 0):
        sys.exit(f"{written} rows of {NUMBER} are written, and {left} jobs are left")
    told = {"peer": "apscheduler", "version": version("apscheduler"), "number": NUMBER}
    print(json.dumps(told | {"seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main()
