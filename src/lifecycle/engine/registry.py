"""The machines that an engine runs, by kind and version, each with a resident interpreter per thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from importlib import import_module

from lifecycle.domain.compiled import Steps, interpreter_of
from lifecycle.domain.interpreter import Interpreter
from lifecycle.domain.machine import Machine
from lifecycle.domain.matrix import AnyMachine, Matrix, matrix_of
from lifecycle.errors import DefinitionError

_residents = threading.local()
"""Each thread's interpreters, which are dear to build; all engines of a process share them."""


class Registry:
    """Looks definitions up. An older version of a kind stays listed as long as instances of it are stored. `steps` says
    what steps them."""

    def __init__(self, definitions: Sequence[type[AnyMachine]], steps: Steps = "compiled") -> None:
        self._steps: Steps = steps
        self._definitions: dict[tuple[str, int], type[AnyMachine]] = {}
        for definition in definitions:
            key = (definition.kind, definition.version)
            if key in self._definitions:
                raise DefinitionError(f"Two machines are {definition.kind!r}, version {definition.version}.")
            self._definitions[key] = definition
            matrix_of(definition)
            if definition.apart and definition.deferred:
                raise DefinitionError(f"{definition.__name__} is loaded apart from its root, and can't defer anything.")
        self._newest = {kind: max(v for k, v in self._definitions if k == kind) for kind, _ in self._definitions}
        self._ranks = self._rank()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind of machine, in the order of the configuration."""
        return tuple(self._newest)

    @property
    def apart(self) -> frozenset[str]:
        """The kinds whose instances are not loaded with their root."""
        return frozenset(kind for (kind, _), definition in self._definitions.items() if definition.apart)

    def newest(self, kind: str) -> type[AnyMachine]:
        """The newest definition of a kind."""
        return self.definition(kind, self._newest.get(kind, 0))

    def definition(self, kind: str, version: int) -> type[AnyMachine]:
        """One definition. Raises DefinitionError where there is none."""
        try:
            return self._definitions[kind, version]
        except KeyError:
            raise DefinitionError(f"No machine {kind!r}, version {version}, is configured.") from None

    def matrices(self, kind: str) -> Sequence[Matrix]:
        """The tables of a kind, of all its versions."""
        return [matrix_of(definition) for (of, _), definition in self._definitions.items() if of == kind]

    def matrix(self, kind: str, version: int) -> Matrix:
        """The table of a definition."""
        return matrix_of(self.definition(kind, version))

    def rank(self, kind: str, event: str) -> int:
        """The place of a deferred event among those of one instant: machines as configured, then as each says;
        what no machine knows comes last."""
        return self._ranks.get((kind, event), len(self._ranks))

    def interpreter(self, kind: str, version: int) -> Interpreter:
        """This thread's resident interpreter of a definition."""
        residents: dict[type[AnyMachine], Interpreter] = vars(_residents).setdefault(self._steps, {})
        definition = self.definition(kind, version)
        if definition not in residents:
            residents[definition] = interpreter_of(definition, self._steps)
        return residents[definition]

    def check_stored(self, stored: Iterable[tuple[str, int, str]]) -> None:
        """Raise DefinitionError for stored (kind, version, state) that no definition knows, naming all of them."""
        unknown = [
            f"{kind} version {version} in state {state!r}"
            for kind, version, state in stored
            if (kind, version) not in self._definitions or state not in self.matrix(kind, version).states
        ]
        if unknown:
            raise DefinitionError(
                f"The database holds instances without a definition: {', '.join(sorted(unknown))}. "
                "List that version under `machines` in the configuration, or migrate with the release that knew it."
            )

    def _rank(self) -> dict[tuple[str, str], int]:
        events = dict.fromkeys(
            (kind, event) for kind, version in self._definitions for event in self._definitions[kind, version].deferred
        )
        return {key: rank for rank, key in enumerate(events)}


def load_machines(paths: Sequence[str], steps: Steps = "compiled") -> Registry:
    """The registry of `package.module:Class` paths. Raises DefinitionError for one that can't be had."""
    return Registry([_load(path) for path in paths], steps)


def _load(path: str) -> type[AnyMachine]:
    module, _, name = path.partition(":")
    try:
        definition = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DefinitionError(f"The machine {path!r} can't be loaded: {error}.") from error
    if not (isinstance(definition, type) and issubclass(definition, Machine)):
        raise DefinitionError(f"{path!r} is not a machine: it must be a subclass of lifecycle.domain.machine.Machine.")
    return definition
