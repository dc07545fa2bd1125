"""DBOS: workflows that wait in a queue, each with one step that inserts one row in a transaction.

Run as `python -I dbos_queue.py URL NUMBER` on an empty PostgreSQL database; prints what it took, as JSON. The queue has
no limit of its own, so it hands all of them to the executor at its first look; there eight threads run them, which is
as fast as four and faster than sixteen. It looks ten times a second, not once, for that wait would be of no interest
here. A step commits its row before DBOS records that it is done, as the other peers do; were it a transaction of a DBOS
data source, both would be one commit, but half again as slow and more.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from time import perf_counter, process_time, sleep

from dbos import DBOS
from sqlalchemy import create_engine, text

URL, NUMBER = sys.argv[1], int(sys.argv[2])
THREADS = 8
FIRST_LOOK = 2.5
"""Seconds in which the queue's own thread has started for sure: DBOS looks for new queues once a second."""
WAITING = "SELECT count(*) FROM dbos.workflow_status WHERE status IN ('ENQUEUED', 'PENDING')"
SUCCEEDED = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"
ENGINE = create_engine(URL, pool_size=THREADS)


def _write(n: int) -> None:
    with ENGINE.begin() as connection:
        connection.execute(text("INSERT INTO done (n) VALUES (:n)"), {"n": n})


write = DBOS.step(name="write")(_write)


def _renew(n: int) -> None:
    write(n)


renew = DBOS.workflow(name="renew")(_renew)


def main() -> None:
    """Have all of it done, and tell what it took."""
    with ENGINE.begin() as connection:
        connection.execute(text("CREATE TABLE done (n integer PRIMARY KEY)"))
    DBOS(
        config={
            "name": "renewals",
            "system_database_url": URL,
            "sys_db_pool_size": THREADS + 4,
            "max_executor_threads": THREADS,
            "log_level": "WARNING",
        }
    )
    DBOS.launch()
    try:
        seconds, cpu_seconds = _time()
    finally:
        DBOS.destroy()  # its threads would go on
    with ENGINE.connect() as connection:
        written = connection.scalar(text("SELECT count(*) FROM done"))
        succeeded = connection.scalar(text(SUCCEEDED))
    if (written, succeeded) != (NUMBER, NUMBER):
        sys.exit(f"{written} rows of {NUMBER} are written, and {succeeded} workflows have succeeded")
    told = {"peer": "dbos", "version": version("dbos"), "number": NUMBER}
    print(json.dumps(told | {"seconds": seconds, "cpu_seconds": cpu_seconds}))


def _time() -> tuple[float, float]:
    """Have the workflows wait in a queue that hands nothing out, then open it, and wait until all have ended."""
    queue = DBOS.register_queue("renewals", worker_concurrency=0, polling_interval_sec=0.1)
    for n in range(NUMBER):
        DBOS.enqueue_workflow("renewals", renew, n)
    sleep(FIRST_LOOK)
    with ENGINE.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        began, cpu = perf_counter(), process_time()
        queue.set_worker_concurrency(None)
        while connection.scalar(text(WAITING)):
            sleep(0.05)
        return perf_counter() - began, process_time() - cpu


if __name__ == "__main__":
    main()
