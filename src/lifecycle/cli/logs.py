"""Logging for the process, which is the command line's to set up and never the library's.

One JSON object a line where nobody looks at a terminal, readable lines where somebody does; always on stderr, with
times in UTC by the package's clock. Warnings and errors of libraries take the same form, with their `logger`. A
traceback has no local variables, for those may be secrets. What each line holds: docs/logging.md.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, TextIO, cast

import structlog

from lifecycle.config.model import LogFormat, LogLevel, LogSettings
from lifecycle.engine.clock import Clock

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

_LEVELS: dict[LogLevel, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Together:
    """stderr, which several processes write to: each line of theirs is written whole. Made before they are forked."""

    def __init__(self) -> None:
        self._turn = TemporaryFile()  # noqa: SIM115  # as long as the process; whoever dies lets go of its lock

    def write(self, text: str) -> int:
        """Write it whole."""
        fcntl.lockf(self._turn, fcntl.LOCK_EX)
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        finally:
            fcntl.lockf(self._turn, fcntl.LOCK_UN)
        return len(text)

    def flush(self) -> None:
        """It is written already."""


def configure(
    settings: LogSettings,
    clock: Clock,
    *,
    form: LogFormat | None = None,
    at_least: LogLevel = "debug",
    worker: int | None = None,
    stream: Together | None = None,
) -> None:
    """Log to stderr as the settings say; `form` overrides theirs, and what is below `at_least` is left out.

    `worker` is the number that each line of one of several processes has, and `stream` what they write to.
    """
    form = form or settings.format
    readable = sys.stderr.isatty() if form == "auto" else form == "text"
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _stamping(clock, worker),
            *(_text() if readable else _json()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(max(_LEVELS[settings.level], _LEVELS[at_least])),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, stream) if stream else sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)


def _stamping(clock: Clock, worker: int | None) -> Processor:
    """Puts the time, the level and the event first, and then whose it is."""
    whose = {} if worker is None else {"worker": worker}

    def stamp(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        timestamp = clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"timestamp": timestamp, "level": line.pop("level"), "event": line.pop("event"), **whose, **line}

    return stamp


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _text() -> list[Processor]:
    colors = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain, sort_keys=False)]


class _Bridge(logging.Handler):
    """Hands on to structlog what libraries log by the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
