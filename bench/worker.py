"""A daemon's process for the benchmark: `python -m bench.worker URL [--charging]`.

It says `ready` once all is loaded, fires what is due when it is told `go`, and then says in JSON what that took. It is
what `lifecycle run` runs, without calendar jobs: nothing is delivered or charged, unless it is asked for.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from time import perf_counter, process_time, sleep

from bench.world import PROJECT, peak_memory, quiet
from lifecycle import Lifecycle
from lifecycle.config import load_config
from lifecycle.engine.committed import Committed
from lifecycle.scheduler.collecting import collect_seldom
from tests.torture.cards import NOTHING_IS_CHARGED

PATIENCE = 1800.0


def main() -> None:
    """Wait for the word, fire, and tell."""
    options = argparse.ArgumentParser(prog="python -m bench.worker")
    options.add_argument("url")
    options.add_argument("--charging", action="store_true", help="relay the outbox too, until nothing is left in it")
    options.add_argument("--steps", default="compiled", help="how machines are stepped")
    options.add_argument("--free", action="store_true", help="without invoices")
    options.add_argument("--small", action="store_true", help="fire reminders, and nothing else")
    given = options.parse_args()
    quiet()
    environ = {"LIFECYCLE_DATABASE__URL": given.url, "LIFECYCLE_SCHEDULER__STEPS": given.steps}
    environ |= {"LIFECYCLE_MAIL__USE": "none"}
    if given.free:
        environ |= NOTHING_IS_CHARGED
    if given.small:
        environ |= {"LIFECYCLE_MACHINES": "[bench.machines:Reminder]"}
    config = load_config(PROJECT / "config.yaml", environ)
    lifecycle = Lifecycle(config if given.charging else replace(config, jobs=()))
    fired = 0

    def count(committed: Committed) -> None:
        nonlocal fired
        fired += sum(row.event in ("cycle_starts", "rings") for row in committed.transitions)

    lifecycle.engine.listeners.append(count)
    collect_seldom()
    print("ready", flush=True)
    sys.stdin.readline()
    began, worked = perf_counter(), process_time()
    with lifecycle.start() as dispatcher:
        if not dispatcher.idle(PATIENCE):
            raise RuntimeError("it did not come to an end")
        while given.charging and lifecycle.outbox.list(status="waiting", limit=1):
            sleep(0.05)
        seconds, cpu = perf_counter() - began, process_time() - worked
    memory = peak_memory()
    lifecycle.close()
    print(json.dumps({"fired": fired, "seconds": seconds, "cpu": cpu, "memory": memory}), flush=True)


if __name__ == "__main__":
    main()
