"""Procrastinate: jobs scheduled for a moment that is past, each of which inserts one row, and one async worker.

Run as `python -I procrastinate_worker.py URL NUMBER` on an empty PostgreSQL database; prints what it took, as JSON.
The worker takes its jobs one by one and runs ten of them side by side: more only wait for each other, for it is the
taking that takes the time. A job commits its row before the worker records that it is done, and the worker stops by
itself when none is left.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from time import perf_counter, process_time

from procrastinate import App, PsycopgConnector

URL, NUMBER = sys.argv[1].replace("+psycopg", ""), int(sys.argv[2])
CONCURRENCY = 10


async def main() -> None:
    """Defer all the jobs at once, then time a worker that runs until it has caught up."""
    logging.getLogger("procrastinate").setLevel(logging.ERROR)  # it would warn that this script is no module
    connections = PsycopgConnector(conninfo=URL, min_size=CONCURRENCY, max_size=CONCURRENCY + 2)
    app = App(connector=connections)

    async def write(n: int) -> None:
        async with connections.pool.connection() as connection:
            await connection.execute("INSERT INTO done (n) VALUES (%s)", (n,))

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await connections.execute_query_async("CREATE TABLE done (n integer PRIMARY KEY)")
        due = datetime.now(UTC) - timedelta(seconds=1)
        job = app.task(write, name="write").configure(schedule_at=due)
        await job.batch_defer_async(*({"n": n} for n in range(NUMBER)))
        began, cpu = perf_counter(), process_time()
        await app.run_worker_async(concurrency=CONCURRENCY, wait=False, install_signal_handlers=False)
        seconds, cpu_seconds = perf_counter() - began, process_time() - cpu
        found = await connections.execute_query_one_async(
            "SELECT (SELECT count(*) FROM done) AS written,"
            " (SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded') AS succeeded"
        )
    if found != {"written": NUMBER, "succeeded": NUMBER}:
        sys.exit(f"{found['written']} rows of {NUMBER} are written, and {found['succeeded']} jobs have succeeded")
    told = {"peer": "procrastinate", "version": version("procrastinate"), "number": NUMBER}
    print(json.dumps(told | {"seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    asyncio.run(main())
