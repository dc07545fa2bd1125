"""`python -m bench.bloat`: what a million firings leave behind on PostgreSQL, as `lifecycle db stats` tells it.

So many subscriptions have ten months behind them in which nobody fired; one daemon catches up. Nothing is charged, so
that all that is updated is what each firing updates: a root, an instance, a deferral.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from rich.console import Console
from sqlalchemy import text

from bench.firing import fire
from bench.seed import seed
from bench.world import databases, lifecycle_on
from lifecycle import VirtualClock
from lifecycle.domain.calendar import shift
from lifecycle.store.database import Database
from lifecycle.store.stats import stats

MONTHS = 10
WATCHED = ("lifecycle_roots", "lifecycle_instances", "lifecycle_deferrals", "lifecycle_log")


def main() -> None:
    """Fire, and tell in JSON."""
    options = argparse.ArgumentParser(prog="python -m bench.bloat")
    options.add_argument("--firings", type=int, default=1_000_000, help=f"{MONTHS} for each subscription")
    given = options.parse_args()
    number, now = given.firings // MONTHS, datetime.now(UTC)
    with databases() as made, made.fresh("postgresql") as url:
        with lifecycle_on(url, VirtualClock(shift(now, "month", -MONTHS, "UTC") - timedelta(hours=1))) as lifecycle:
            seed(lifecycle, number)
        before = _told(url)
        with Console(stderr=True).status(f"firing {number * MONTHS:,} times"):
            fired = fire(url, number * MONTHS, more=["--free"])
        print(json.dumps({"firings a second": round(fired.rate), "before": before, "after": _told(url)}, indent=1))


def _told(url: str) -> dict[str, object]:
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    with database.reading() as connection:
        tables = [asdict(one) for one in stats(connection, datetime.now(UTC)).tables if one.table in WATCHED]
    database.dispose()
    return {str(one["table"]): {name: value for name, value in one.items() if name != "vacuumed_at"} for one in tables}


if __name__ == "__main__":
    main()
