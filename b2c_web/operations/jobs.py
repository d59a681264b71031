"""Looking after what failed."""

from b2c_web.jobs import periodic
from b2c_web.operations import commands


@periodic("operations.collect_failed_jobs", cron="* * * * *")
def collect_failed_jobs() -> None:
    """Jobs that failed for good and that nobody recorded are put before a person."""
    commands.collect_failed_jobs()
