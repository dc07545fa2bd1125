"""Calendar jobs as they are declared; that they run is shown with a live daemon."""

from __future__ import annotations

from datetime import datetime

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from lifecycle.config.model import JobSpec
from lifecycle.domain.calendar import Duration
from lifecycle.errors import DefinitionError
from lifecycle.scheduler.jobs import declare_jobs

REPORT = "tests.integration.alarms:report"
DAILY = Duration(1, 0)


def next_run(spec: JobSpec, since: str) -> str:
    """When a job declared in Paris at that instant runs for the first time."""
    scheduler = BackgroundScheduler(timezone="UTC")
    declare_jobs(scheduler, [spec], zone="Europe/Paris", lifecycle=None)
    (job,) = scheduler.get_jobs()
    instant: datetime = job.trigger.get_next_fire_time(None, datetime.fromisoformat(since))
    return instant.isoformat()


@pytest.mark.parametrize(
    "start", ["2026-03-02T00:30:00+01:00", "2026-03-02T10:00:00+01:00", "2026-03-02T23:59:00+01:00"]
)
def test_a_job_of_every_day_runs_at_midnight_however_often_the_daemon_restarts(start: str) -> None:
    """Its days are not counted from the start."""
    assert next_run(JobSpec("daily", REPORT, every=DAILY), start) == "2026-03-03T00:00:00+01:00"


def test_a_job_of_every_week_runs_on_mondays() -> None:
    """From Wednesday, 4 March 2026, to Monday, the 9th."""
    weekly = JobSpec("weekly", REPORT, every=Duration(7, 0))
    assert next_run(weekly, "2026-03-04T10:00:00+01:00") == "2026-03-09T00:00:00+01:00"


def test_a_job_by_cron_line_runs_by_the_configured_zone() -> None:
    """At four in Paris."""
    assert (
        next_run(JobSpec("early", REPORT, cron="0 4 * * *"), "2026-03-02T00:00:00+00:00") == "2026-03-02T04:00:00+01:00"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.such.module:run", "The job 'wrong' can't be loaded from 'no.such.module:run': No module named 'no'."),
        (
            "tests.integration.alarms:gone",
            "The job 'wrong' can't be loaded from 'tests.integration.alarms:gone': "
            "module 'tests.integration.alarms' has no attribute 'gone'.",
        ),
        (
            "lifecycle.scheduler.dispatcher:HEARTBEAT",
            "The job 'wrong' can't be run: 'lifecycle.scheduler.dispatcher:HEARTBEAT' is not a function.",
        ),
    ],
)
def test_a_job_that_cannot_be_had_is_named_and_none_is_declared(path: str, message: str) -> None:
    """The daemon does not start with half of its jobs."""
    scheduler = BackgroundScheduler(timezone="UTC")
    specs = [JobSpec("right", REPORT, every=DAILY), JobSpec("wrong", path, every=DAILY)]
    with pytest.raises(DefinitionError) as refused:
        declare_jobs(scheduler, specs, zone="UTC", lifecycle=None)
    assert str(refused.value) == message
    assert scheduler.get_jobs() == []


def test_a_job_without_a_time_is_refused() -> None:
    """A configuration file can't say so, but a host can."""
    with pytest.raises(DefinitionError, match="The job 'never' needs `every` or `cron`"):
        declare_jobs(BackgroundScheduler(timezone="UTC"), [JobSpec("never", REPORT)], zone="UTC", lifecycle=None)
