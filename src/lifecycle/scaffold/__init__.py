"""`lifecycle init`: a host's first files. They are a project of their own, in `project`, and here they are copied."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from lifecycle.errors import LifecycleError

FILES = (
    "config.yaml",
    "rentals/__init__.py",
    "rentals/machine.py",
    "rentals/commands.py",
    "rentals/jobs.py",
    "tests/test_rentals.py",
    "pytest.ini",
    "README.md",
)
"""What is made, in the order in which it is to be read."""

NEXT = ("python -m pytest", "lifecycle check", "lifecycle db upgrade", "lifecycle machine rental", "lifecycle verify")
"""What to run then; the README that is made says the same."""


def make(folder: Path) -> tuple[Path, ...]:
    """Write the files into a folder, which is made if it is not there. Returns their paths.

    Raises LifecycleError, and writes nothing: `file_exists` where one of them is there; `folder_unusable` where nothing
    can be written.
    """
    paths = tuple(folder / name for name in FILES)
    there = [str(path) for path in paths if os.path.lexists(path)]
    if there:
        message = (
            f"Nothing was made, for {', '.join(there)} is there. Name a new or an empty folder: lifecycle init DIR"
        )
        raise LifecycleError(message, code="file_exists")
    try:
        for name, path in zip(FILES, paths, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(files("lifecycle.scaffold").joinpath("project", name).read_bytes())
    except OSError as error:
        raise LifecycleError(f"{folder} can't be used: {error.strerror}.", code="folder_unusable") from error
    return paths
