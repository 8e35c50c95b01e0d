"""Several scans in one run: each by itself, one failing does not stop the others."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from quietmr.cli.console import Console, Outcome
from quietmr.cli.failures import EXPECTED, FAILED
from quietmr.cli.jobs import Job

JobT = TypeVar("JobT", bound=Job)


def for_each(jobs: Sequence[JobT], work: Callable[[JobT], Outcome], console: Console) -> int:
    """Do the work for every job and return the exit code: 0, or 1 if any failed."""
    code = 0
    for job in jobs:
        try:
            outcome = work(job)
        except EXPECTED as error:
            console.failure(error, str(job.source), named=len(jobs) > 1)
            code = FAILED
        else:
            console.result(outcome, named=len(jobs) > 1)
    return code
