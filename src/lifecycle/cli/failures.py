"""How a command that was not carried out ends: an exit code, and one or two lines, or one JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lifecycle.cli.output import emit, say
from lifecycle.errors import DefinitionError, LifecycleError, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED, USAGE, REFUSED, NOT_FOUND = 1, 2, 3, 4
UNREADABLE = ("config_invalid", "scenario_invalid")
"""The codes of files that can't be read."""
MISUSED = ("usage", "workers_need_postgresql")
"""The codes of command lines that make no sense, however often they are tried."""


class Ambiguous(LifecycleError):
    """The account has several subscriptions, so its reference names none of them (code `ambiguous`)."""

    code = "ambiguous"

    def __init__(self, account: str, subscriptions: Sequence[str]) -> None:
        super().__init__(f"{account!r} has {len(subscriptions)} subscriptions; name one: {', '.join(subscriptions)}.")


class WorkersFailing(LifecycleError):
    """A worker of the daemon ends again and again right at its start (code `workers_failing`)."""

    code = "workers_failing"

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def report(error: Exception, *, as_json: bool) -> int | None:
    """Tell people or a program what went wrong, and return the exit code; None for what nobody foresaw."""
    if not isinstance(error, LifecycleError):
        usage = _usage(error)
        if usage is None:
            return None
        error = usage
    if as_json:
        emit({"error": _described(error)})
    else:
        say(_sentence(error))
    return exit_code(error)


def exit_code(error: LifecycleError) -> int:
    """The exit code that tells what kind of error it is."""
    match error:
        case NotFound():
            return NOT_FOUND
        case Refused():
            return REFUSED
        case DefinitionError() | Ambiguous():
            return USAGE
        case WorkersFailing():
            return error.exit_code
    return USAGE if error.code in (*UNREADABLE, *MISUSED) else FAILED


def _sentence(error: LifecycleError) -> str:
    if error.code in UNREADABLE:
        return str(error)  # each problem begins with its file and line
    if error.code in ("usage", "not_found"):
        head = error.code.replace("_", " ")
    else:
        head = f"{'refused' if isinstance(error, Refused) else 'failed'} ({error.code})"
    return " ".join(part for part in (f"{head}: {error}", _instead(error)) if part)


def _described(error: LifecycleError) -> dict[str, object]:
    described: dict[str, object] = {"code": error.code, "message": str(error), "instead": _instead(error)}
    for details in ("problems", "errors"):  # of a configuration, of an imported file
        if hasattr(error, details):
            described["problems"] = getattr(error, details)
    return described


def _instead(error: LifecycleError) -> str:
    return error.instead if isinstance(error, Refused) else ""


def _usage(error: Exception) -> LifecycleError | None:
    """A command line that can't be read, as Typer tells it."""
    if not isinstance(error, typer.TyperException):
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "lifecycle"
    message = error.format_message()
    stop = "" if message.endswith((".", "?")) else "."
    return LifecycleError(f"{message}{stop} See: {command} --help", code="usage")
