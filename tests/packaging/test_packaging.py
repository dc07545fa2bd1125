"""What a user installs: the wheel built from the sdist works in a new environment, outside the checkout."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import is_whole
from tests.packaging.conftest import PIP, ROOT, run

pytestmark = pytest.mark.packaging

PACKAGES = ("lifecycle", "lifecycle_machines", "lifecycle_jobs")


@pytest.fixture(scope="module")
def installed(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment with the runtime lock and the wheel in it."""
    folder = tmp_path_factory.mktemp("user")
    run([sys.executable, "-m", "venv", "--without-pip", "environment"], cwd=folder)
    install = [*PIP, folder / "environment/bin/python", "install", "--quiet", "--no-input", "--no-compile"]
    run([*install, "--require-hashes", "--requirement", ROOT / "requirements/runtime.txt"], cwd=folder)
    run([*install, "--no-deps", *distributions.glob("*.whl")], cwd=folder)
    return folder / "environment/bin"


@pytest.mark.parametrize(
    "file",
    [
        *(f"src/lifecycle/{name}" for name in ("__init__.py", "py.typed")),
        "machines/lifecycle_machines/__init__.py",
        "jobs/lifecycle_jobs/__init__.py",
        "docs/examples/fastapi_host.py",
        "tests/conftest.py",
        "requirements/lock.txt",
        "config.yaml",
        "Makefile",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "pyproject.toml",
    ],
)
def test_the_sdist_holds_what_a_builder_needs(distributions: Path, file: str) -> None:
    """Who has the sdist can read, build and test the project."""
    [sdist] = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert f"{sdist.name.removesuffix('.tar.gz')}/{file}" in archive.getnames()


def test_the_wheel_holds_the_three_packages_and_nothing_else(distributions: Path) -> None:
    """No `tests`, `machines` or `jobs` lands in a host's site-packages."""
    [wheel] = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_holds_every_module(distributions: Path) -> None:
    """No module of the checkout is lost on the way through the sdist, the migrations least of all."""
    [wheel] = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.endswith(".py")}
    roots = [ROOT / folder for folder in ("src", "machines", "jobs")]
    assert packed == {str(file.relative_to(root)) for root in roots for file in root.rglob("*.py")}
    assert [name for name in packed if name.startswith("lifecycle/store/migrations/")]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_importable_and_typed(installed: Path, package: str) -> None:
    """Each package comes from the new environment, and carries its marker for type checkers."""
    program = f"import {package}; print({package}.__file__)"
    origin = Path(run([installed / "python", "-c", program], cwd=installed.parent).strip())
    assert origin.is_relative_to(installed.parent)
    assert (origin.parent / "py.typed").is_file()


def test_the_command_shows_its_help(installed: Path) -> None:
    """`lifecycle --help` works outside the checkout."""
    assert "Usage" in run([installed / "lifecycle", "--help"], cwd=installed.parent)


def test_a_project_that_was_made_can_be_checked(installed: Path, tmp_path: Path) -> None:
    """The templates are in the wheel, and a host's own machine is found beside its configuration. Everyday's runs give
    half of the commands that the project's page names."""
    run([installed / "lifecycle", "init", "shop"], cwd=tmp_path)
    commands = (["check"], ["db", "upgrade"], ["machine", "rental"], ["verify"])
    for command in commands if is_whole() else commands[:2]:
        run([installed / "lifecycle", *command], cwd=tmp_path / "shop")
