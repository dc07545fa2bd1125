"""What becomes of every `Lifecycle` of a process that forks: the interpreter tells before and after."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

from lifecycle.store import host


class Forks(Protocol):
    """Something that a fork concerns."""

    def before_fork(self) -> None: ...

    def after_fork_in_parent(self) -> None: ...

    def after_fork(self) -> None: ...


_all: WeakSet[Forks] = WeakSet()


def tell_of_forks(one: Forks) -> None:
    """Tell it of each fork from now on, as long as it lives."""
    _all.add(one)


def _before() -> None:
    host.before_fork()
    for one in list(_all):
        one.before_fork()


def _after_in_parent() -> None:
    for one in list(_all):
        one.after_fork_in_parent()


def _after_in_child() -> None:
    for one in list(_all):
        one.after_fork()


if hasattr(os, "register_at_fork"):  # where there are forks
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
