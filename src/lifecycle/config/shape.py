"""Questions about the shape of the settings: which keys there are at a path, and what stands below each."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from lifecycle.config.values import Section


def core(kind: object) -> object:
    """The type itself, without `Annotated` and without `| None`."""
    if get_origin(kind) is Annotated:
        return core(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return core(next(part for part in get_args(kind) if part is not type(None)))
    return kind


def keys(kind: object) -> dict[str, object]:
    """The keys of a section as the file spells them, with the type of each; empty for anything else."""
    section = core(kind)
    if not (isinstance(section, type) and issubclass(section, Section)):
        return {}
    return {info.alias or name: info.annotation for name, info in section.model_fields.items()}


def items(kind: object) -> tuple[object, object] | None:
    """The types of the keys and of the values of a map with free keys; None for anything else."""
    arguments = get_args(core(kind)) if get_origin(core(kind)) is dict else ()
    return (arguments[0], arguments[1]) if arguments else None


def element(kind: object) -> object | None:
    """The type of the elements of a list; None for anything else."""
    return get_args(core(kind))[0] if get_origin(core(kind)) is list else None


def below(kind: object, step: str | int) -> object | None:
    """The type at one step below; None where there is nothing."""
    if isinstance(step, int):
        return element(kind)
    free = items(kind)
    return free[1] if free else keys(kind).get(step)
