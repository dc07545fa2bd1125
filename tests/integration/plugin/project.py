"""A host's project in a folder of its own, whose tests pytest runs in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

ROOT = Path(__file__).parents[3]
INSIDE = Path(__file__).parent / "inside"
CONFIG = ROOT / "docs" / "examples" / "qa" / "config.yaml"


@dataclass(frozen=True, slots=True)
class Run:
    """What pytest said, and what it counted."""

    said: str
    counted: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Project:
    """The folder of a host, with a configuration."""

    folder: Path

    def write(self, name: str, text: str) -> None:
        """Put a file there."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def take(self, name: str) -> None:
        """Put a file of tests there that lies ready in `inside`."""
        copy(INSIDE / f"{name}.py", self.folder / f"test_{name}.py")

    def pytest(self, *arguments: str, **environ: str) -> Run:
        """Run pytest as the host does, with the plugin and anyio, whatever else is installed here."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("LIFECYCLE_", "PYTEST_"))}
        env |= {"PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("src", "machines", "jobs"))}
        env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200"} | environ
        options = (
            "-p",
            "lifecycle.testing.plugin",
            "-p",
            "anyio",
            "-p",
            "no:cacheprovider",
            "-W",
            "error",
            "--strict-markers",
        )
        command = (sys.executable, "-m", "pytest", *options, *arguments)
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        return Run(said, {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?)", said)})


def project(folder: Path) -> Project:
    """A project with the configuration of the example, and a rootdir that ends here."""
    copy(CONFIG, folder / "config.yaml")
    made = Project(folder)
    made.write("pytest.ini", "[pytest]\n")
    return made
