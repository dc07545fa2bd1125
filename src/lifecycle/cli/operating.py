"""What operators do by hand, on a subscription or on an instance of any machine, and what is kept aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import typer

from lifecycle.cli import options
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.store.queries import Standing

Name = Literal["hold", "release", "retry", "fire", "skip"]


def _act(name: Name, help: str, more: str) -> Callable[..., None]:
    """The command that does this act, and tells where the instance stands then."""

    def act(
        context: typer.Context,
        sub: options.Anything,
        *,
        reason: options.Why,
        by: options.Operator = "operator",
        as_json: options.AsJson = False,
    ) -> None:
        from lifecycle.cli.directory import find_instance

        with opened(context) as lifecycle:
            instance = find_instance(lifecycle, sub)
            getattr(lifecycle.operations, name)(instance, reason=reason, by=by)
            _tell(lifecycle, lifecycle.operations.standing(instance), as_json)

    act.__doc__ = f"{help}\n\n{more}"
    return act


hold = _act(
    "hold",
    "Put something on hold.",
    "Nothing on it fires, and commands on it are refused, until it is released.",
)
release = _act(
    "release",
    "Let something go on that is on hold.",
    "What has become due meanwhile fires, in order, each at its own instant.",
)
fire = _act(
    "fire",
    "Fire what is due first, by hand.",
    "Once, held or quarantined or not. Where it raises, nothing has changed.",
)
skip = _act(
    "skip",
    "Pass over what is due first.",
    "A cycle moves to its next boundary without an invoice; a change is dropped.",
)
retry = _act(
    "retry",
    "Let something go on that failed.",
    "It is tried again at once, with all its attempts.",
)


def list_(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List what is kept aside, and why.

    By when its next transition was due.
    """
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory
    from lifecycle.cli.output import display, emit

    with opened(context) as lifecycle:
        aside, directory = lifecycle.operations.quarantined(), Directory(lifecycle)
        if as_json:
            emit([faces.described(one, directory.of_account(one.owner_id)) for one in aside])
        else:
            display(faces.aside(aside, directory))


def show(context: typer.Context, sub: options.Anything, as_json: options.AsJson = False) -> None:
    """Show why something is kept aside.

    The error, what is due and would fire, and what can be done.
    """
    from lifecycle.cli import explaining
    from lifecycle.cli.directory import Directory, find_instance
    from lifecycle.cli.output import display, emit

    with opened(context) as lifecycle:
        found = lifecycle.operations.explain(find_instance(lifecycle, sub))
        directory = Directory(lifecycle)
        owner = directory.of_account(found.owner_id)
        if as_json:
            emit(explaining.trouble(found, owner))
        else:
            display(explaining.trouble_panel(found, owner, directory.now(owner.clock)))


def _tell(lifecycle: Lifecycle, standing: Standing, as_json: bool) -> None:
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory
    from lifecycle.cli.output import display, emit

    directory = Directory(lifecycle)
    owner = directory.of_account(standing.owner_id)
    if as_json:
        emit(faces.described(standing, owner))
    else:
        display(faces.standing(standing, owner, directory.now(standing.clock)))
