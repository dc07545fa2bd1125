"""A daemon as a process of its own: fires alarms until none is due, and says how often they rang.

Before it fires what it has claimed first, it says `claimed`, and waits for a line.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import timedelta

import structlog

from lifecycle.engine.records import InstanceRecord
from lifecycle.scheduler.dispatcher import Dispatcher
from lifecycle.store.transaction import SqlTransaction
from tests.integration.alarms import alarm_engine

PATIENCE = 60.0


def main(url: str) -> None:
    """Run on this database."""
    said: list[str] = []
    rung: list[str] = []

    def surround(_transaction: SqlTransaction, alarms: Sequence[InstanceRecord]) -> Mapping[str, object]:
        if alarms and not said:
            said.append("claimed")
            say("claimed")
            sys.stdin.readline()
        return {}

    def count(_logger: object, _level: str, line: MutableMapping[str, object]) -> MutableMapping[str, object]:
        rung.extend(["rings"] if line.get("transition") == "rings" else [])
        raise structlog.DropEvent

    structlog.configure(processors=[count])
    dispatcher = Dispatcher(alarm_engine(url, batch=10, surround=surround), heartbeat=timedelta(hours=1))
    dispatcher.start()
    assert dispatcher.idle(PATIENCE)
    dispatcher.stop()
    say(str(len(rung)))


def say(word: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
