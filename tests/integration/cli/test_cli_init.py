"""`lifecycle init`: what it makes runs as it is, by the commands that it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle import scaffold
from tests.integration.cli.world import environment, in_a_process, lifecycle


def files(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command line as a user would who has the package installed."""
    programs = folder.parent / "bin"
    programs.mkdir(exist_ok=True)
    for name, code in {
        "lifecycle": "import sys; from lifecycle.cli import main; sys.exit(main())",
        "python": "import os, sys; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
    }.items():
        (programs / name).write_text(f"#!{sys.executable}\n{code}\n")
        (programs / name).chmod(0o755)
    env = environment() | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_it_says_what_it_made_and_what_to_run_next(tmp_path: Path) -> None:
    """On stdout, with the folder to go to."""
    shop = tmp_path / "my shop"
    made = lifecycle("init", str(shop))
    assert (made.code, made.err) == (0, "")
    assert made.lines == [
        "Made:",
        *(f"  {shop}/{name}" for name in scaffold.FILES),
        "Next:",
        f"  cd '{shop}'",
        "  python -m pytest",
        "  lifecycle check",
        "  lifecycle db upgrade",
        "  lifecycle machine rental",
        "  lifecycle verify",
    ]
    assert sorted(files(shop)) == sorted(scaffold.FILES)


def test_in_the_folder_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name it is this one, and there is nowhere to go; other files in it stay."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "LICENSE").write_text("MIT")
    made = lifecycle("init", "--json").json
    assert made == {"files": list(scaffold.FILES), "next": list(scaffold.NEXT)}
    assert (tmp_path / "LICENSE").read_text() == "MIT"


def test_what_it_makes_runs(tmp_path: Path) -> None:
    """Its own tests pass, and every command that its README names exits with 0, as the command line said."""
    shop = tmp_path / "shop"
    lifecycle("init", str(shop))
    [block] = re.findall(r"^```sh\n(.*?)^```$", (shop / "README.md").read_text(), re.M | re.S)
    commands = block.splitlines()
    assert commands == list(scaffold.NEXT)
    said = {}
    for command in commands:
        done = shell(shop, command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        said[command] = done.stdout
    assert shell(shop, "lifecycle doctor").returncode == 0  # it finds the modules beside the configuration, too
    assert " 6 passed" in said["python -m pytest"]
    assert "rentals.jobs:tell_what_is_due, 0 8 * * 1-5" in " ".join(said["lifecycle check"].split())
    assert "falls_due" in said["lifecycle machine rental"]


def test_a_second_time_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """What somebody has made of it is theirs."""
    lifecycle("init", str(tmp_path))
    (tmp_path / "rentals/machine.py").write_text("mine")
    before = files(tmp_path)
    again = lifecycle("init", str(tmp_path), "--json")
    assert (again.code, again.json["error"]["code"]) == (1, "file_exists")
    assert all(f"{tmp_path}/{name}" in again.json["error"]["message"] for name in scaffold.FILES)
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", scaffold.FILES)
def test_each_file_in_the_way_is_named(tmp_path: Path, name: str) -> None:
    """One is enough, be it a link to nowhere: nothing is made."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to("nowhere")
    refused = lifecycle("init", str(tmp_path))
    assert refused.code == 1
    assert refused.err == (
        f"failed (file_exists): Nothing was made, for {tmp_path}/{name} is there. "
        "Name a new or an empty folder: lifecycle init DIR\n"
    )
    assert files(tmp_path) == {}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file is where the folder is to be."""
    (tmp_path / "shop").write_text("mine")
    failed = lifecycle("init", str(tmp_path / "shop"), "--json")
    assert (failed.code, failed.json["error"]["code"]) == (1, "folder_unusable")


def test_the_templates_are_what_is_made() -> None:
    """No file lies among them that nobody gets."""
    templates = Path(scaffold.__file__).parent / "project"
    there = {str(file.relative_to(templates)) for file in templates.rglob("*") if file.is_file()}
    assert {name for name in there if not name.endswith(".pyc")} == set(scaffold.FILES)


def test_modules_are_looked_for_beside_the_configuration_first(tmp_path: Path) -> None:
    """From wherever the command is called, whatever else has that name where it is called (X32)."""
    shop, elsewhere = tmp_path / "shop", tmp_path / "elsewhere"
    lifecycle("init", str(shop))
    elsewhere.mkdir()
    (elsewhere / "rentals.py").write_text("raise ImportError('another one')")
    (tmp_path / "copy.yaml").write_text((shop / "config.yaml").read_text())
    found, other = (
        in_a_process("--config", config, "check", cwd=elsewhere) for config in ("../shop/config.yaml", "../copy.yaml")
    )
    out, err = found.communicate()
    assert (found.returncode, err) == (0, "")
    assert "rentals.machine:Rental" in out
    _, err = other.communicate()
    assert other.returncode == 2
    assert "another one" in err
