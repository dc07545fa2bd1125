"""What the plugin's fixtures need, imported when the first of them is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url

from lifecycle.app.arguments import instant
from lifecycle.app.beside import look_beside
from lifecycle.config import load_config
from lifecycle.store.database import Database, in_memory
from lifecycle.testing.host_time import host_time
from lifecycle.testing.settings import Settings
from lifecycle.testing.traveller import Traveller, journey


@contextmanager
def traveller(wanted: Settings, folder: Callable[[], Path]) -> Iterator[Traveller]:
    """A test's own engine, and the time of the whole process with it; nothing of the environment gets in.

    `folder` gives the test's own, for a database in a file. Raises ConfigError, Refused (`invalid`), LifecycleError
    (`extra_missing`) and what `journey` raises.
    """
    config = load_config(wanted.config, {} if wanted.zone is None else {"LIFECYCLE_ZONE": wanted.zone})
    look_beside(wanted.config)
    start = datetime.fromisoformat(instant(wanted.start, config.zone))
    with (
        host_time(start) as clock,
        journey(config, start, url=_own(wanted.database, folder), clock=clock) as made,
    ):
        yield made


def _own(url: str, folder: Callable[[], Path]) -> str:
    """The URL, with a SQLite file taken to be in the test's folder: no two tests share one."""
    database = Database(url)
    if not database.is_sqlite or in_memory(database.url):
        return url
    file = folder() / Path(str(database.url.database)).name
    return make_url(url).set(database=str(file)).render_as_string(hide_password=False)
