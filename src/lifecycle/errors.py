"""Every error a caller can meet: one root, a stable ``code``, and a sentence that says what can be done."""

from __future__ import annotations


class LifecycleError(Exception):
    """Something was not done. ``code`` is stable and meant for programs; ``str()`` is meant for people."""

    code = "lifecycle_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class Refused(LifecycleError):
    """A command was judged and refused; nothing was changed.

    ``code`` is one of the published refusal codes; ``instead`` says what can be done instead (may be empty).
    """

    def __init__(self, code: str, message: str, *, instead: str = "") -> None:
        super().__init__(message, code=code)
        self.instead = instead


class NotFound(Refused):
    """The command names something that does not exist (code ``not_found``)."""

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__("not_found", f"There is no {kind} {identifier!r}.")
        self.kind = kind
        self.identifier = identifier


class SchemaError(LifecycleError):
    """The database's schema is missing, stale or newer than this package (code ``schema_…``)."""


class DefinitionError(LifecycleError):
    """A machine's definition is wrong, or a stored version or state has none (code ``definition``)."""

    code = "definition"
