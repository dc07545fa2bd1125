"""harel: state machines whose timers are all due, each of which inserts one row as it enters its next state.

Run as `python -I harel_timers.py URL NUMBER` on an empty PostgreSQL database; prints what it took, as JSON. The store
and the transport are both PostgreSQL, and one async worker sweeps the timers and handles what they send, as its manual
has it for production. It has 16 events in flight, where harel's own benchmark of PostgreSQL peaks. An action commits
its row before the machine's new state is stored.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from time import perf_counter, process_time, time
from typing import Any

from harel import definition_from_dsl
from harel.engine.aio.distributed import AsyncDistributedRunner
from harel.engine.aio_store import AsyncPostgresStore
from harel.engine.aio_transport import AsyncPostgresTransport
from psycopg_pool import AsyncConnectionPool

URL, NUMBER = sys.argv[1].replace("+psycopg", ""), int(sys.argv[2])
CONCURRENCY = 16
CONNECTIONS = 10
"""Of each pool, as harel's are by default."""
AN_HOUR = 3600
MACHINE = """
machine renewal {
  initial Waiting
  state Waiting { timeout 60 }
  final Renewed success { on enter write }
  from Waiting to Renewed on Timeout
}
"""
ARMED = "SELECT count(*) FROM harel_timers"
FOUND = """
SELECT (SELECT count(*) FROM done),
       (SELECT count(*) FROM harel_executions WHERE data::jsonb ->> 'outcome' = 'success'),
       (SELECT count(*) FROM harel_timers),
       (SELECT count(*) FROM harel_transport_messages)
"""


async def main() -> None:
    """Arm the timers by an hour's earlier clock, then time a worker that goes by the right one."""
    async with AsyncConnectionPool(URL, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False) as pool:
        async with pool.connection() as connection:
            await connection.execute("CREATE TABLE done (n integer PRIMARY KEY)")
        done, tried = asyncio.Event(), 0

        async def write(machine: Any, *_: Any, **__: Any) -> None:
            nonlocal tried
            try:
                async with pool.connection() as connection:
                    await connection.execute("INSERT INTO done (n) VALUES (%s)", (machine.execution_ctx["n"],))
            finally:
                tried += 1
                if tried == NUMBER:
                    done.set()

        definition = definition_from_dsl(MACHINE, "renewal", actions={"write": write})
        store = await AsyncPostgresStore.from_dsn(URL, CONNECTIONS)
        transport = await AsyncPostgresTransport.from_dsn(URL, pool_size=CONNECTIONS)
        runner = AsyncDistributedRunner(store, transport, {definition.id: definition}, clock=lambda: time() - AN_HOUR)
        await _arm(runner, pool)
        worker = runner.worker(clock=time, concurrency=CONCURRENCY)
        began, cpu = perf_counter(), process_time()
        await worker.run(done)  # it commits what it has begun before it returns
        seconds, cpu_seconds = perf_counter() - began, process_time() - cpu
        async with pool.connection() as connection:
            found = await (await connection.execute(FOUND)).fetchone()
        await store.close()
        await transport.close()
    if found != (NUMBER, NUMBER, 0, 0):
        sys.exit(f"of {NUMBER} there are {found}: rows, machines that have ended well, timers left, messages left")
    told = {"peer": "harel", "version": version("harel"), "number": NUMBER}
    print(json.dumps(told | {"seconds": seconds, "cpu_seconds": cpu_seconds}))


async def _arm(runner: AsyncDistributedRunner, pool: AsyncConnectionPool) -> None:
    """Start the machines; a worker does it, and by its clock their timers aren't due."""
    for n in range(NUMBER):
        await runner.create("renewal", {"n": n})
    armed = asyncio.Event()
    working = asyncio.create_task(runner.worker(concurrency=CONCURRENCY).run(armed))
    async with pool.connection() as connection:
        await connection.set_autocommit(True)
        while (await (await connection.execute(ARMED)).fetchone())[0] < NUMBER:
            await asyncio.sleep(0.1)
        await connection.set_autocommit(False)
    armed.set()
    await working


if __name__ == "__main__":
    asyncio.run(main())
