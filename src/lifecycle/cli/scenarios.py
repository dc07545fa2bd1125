"""`lifecycle scenario …`: stories in files, played on a virtual clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import display, emit, printable, progress_bar, save, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lifecycle.config import Problem
    from lifecycle.testing.scenarios.playing import Outcome
    from lifecycle.testing.scenarios.reading import Story

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenario files, and folders of *.scenario.yaml.")]


def run(
    context: typer.Context,
    files: Files,
    *,
    database: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Play on this: a file that is not there yet, or a PostgreSQL, in schemas of their own."
        ),
    ] = "sqlite://",
    scheduler: Annotated[
        bool, typer.Option("--scheduler", help="Let every journey go through the real scheduler.")
    ] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Of steps show only those around one that failed.")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML too; - is stdout.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Play stories, and say what was not as expected.

    Each on an empty database of its own, on a virtual clock, with the sandbox as the gateway. Exit code 0: all held,
    1: some did not.
    """
    from lifecycle.testing.scenarios.telling import described, tale
    from lifecycle.testing.scenarios.telling import junit as as_junit

    if as_json and junit is not None and str(junit) == "-":
        raise typer.BadParameter("Only one of --json and --junit - fits on stdout.")
    stories = _read(context, files)
    if len(stories) > 1 and _is_file(database):
        raise typer.BadParameter("A file is for one story; name one, or play them in memory.")
    outcomes = _played(stories, database, scheduler=scheduler, quiet=as_json)
    if junit is not None:
        save(as_junit(outcomes), junit)
    if as_json:
        emit([described(one) for one in outcomes])
    elif str(junit) != "-":
        for one in outcomes:
            typer.echo(printable("\n".join(tale(one, brief=brief))))
    failed = sum(not one.held for one in outcomes)
    say(f"{len(outcomes)} scenarios, {failed} of which did not hold." if failed else f"{len(outcomes)} scenarios held.")
    if failed:
        raise typer.Exit(FAILED)


def _is_file(url: str) -> bool:
    from lifecycle.store.database import Database, in_memory

    database = Database(url)
    return database.is_sqlite and not in_memory(database.url)


def check(context: typer.Context, files: Files, as_json: options.AsJson = False) -> None:
    """Check stories without playing them.

    All that is wrong is told at once, with its line.
    """
    stories = _read(context, files)
    if as_json:
        emit([_summary(story) for story in stories])
    else:
        typer.echo(f"{len(stories)} scenarios can be played.")


def list_(context: typer.Context, files: Files, as_json: options.AsJson = False) -> None:
    """List stories, and the rules that they show."""
    stories = _read(context, files)
    if as_json:
        emit([_summary(story) for story in stories])
        return
    columns = ("file", "scenario", "start", "steps", "covers")
    rows = [
        (str(one.file), one.name, one.scenario.start, str(len(one.steps)), " ".join(one.scenario.covers))
        for one in stories
    ]
    display(table(columns, rows, right=("steps",)))


def _read(context: typer.Context, files: Sequence[Path]) -> list[Story]:
    """The stories, or all that is wrong with any. Raises ScenarioInvalid, ConfigError."""
    from lifecycle.app.beside import look_beside
    from lifecycle.testing.scenarios.reading import ScenarioInvalid, found_in, read_scenario

    config: Path = context.obj
    look_beside(config)
    stories: list[Story] = []
    problems: list[Problem] = []
    for file in found_in(files):
        try:
            stories.append(read_scenario(file, config))
        except ScenarioInvalid as error:
            problems += error.problems
    if problems:
        raise ScenarioInvalid(problems)
    return stories


def _played(stories: Sequence[Story], url: str, *, scheduler: bool, quiet: bool) -> list[Outcome]:
    from lifecycle.cli import logs
    from lifecycle.engine.clock import SystemClock
    from lifecycle.testing.scenarios.playing import play

    logs.configure(stories[0].config.log, SystemClock(), at_least="error")
    outcomes = []
    with progress_bar("Playing", visible=not quiet and len(stories) > 1) as progress:
        for number, story in enumerate(stories, start=1):
            outcomes.append(play(story, url=url, by_scheduler=scheduler))
            progress(number, len(stories))
    return outcomes


def _summary(story: Story) -> dict[str, object]:
    return {
        "file": str(story.file),
        "scenario": story.name,
        "start": story.scenario.start,
        "zone": story.zone,
        "steps": len(story.steps),
        "covers": story.scenario.covers,
    }
