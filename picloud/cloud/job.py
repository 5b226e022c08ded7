"""What a job can ask and say about itself while it runs: `cloud.job.id()`, `cloud.job.progress(3, 10)`.

These are functions, since the same code serves one job after the other.  Outside of jobs, and in programs that a job starts, each
raises CloudException; `cloud.running_on_cloud()` tells beforehand.
"""

from __future__ import annotations

import math
import numbers
import operator
from typing import TYPE_CHECKING

from picloud.exceptions import ArgumentTypeError, ArgumentValueError, CloudException
from picloud.model import running

if TYPE_CHECKING:
    from picloud.model.running import RunningJob

_MOST = 1 << 63

__all__ = ["attempt", "id", "label", "log", "progress"]


def id() -> int:  # noqa: A001 - it is read with its module: cloud.job.id()
    """Return the jid of the job that runs.

    Raises:
        CloudException: outside of jobs.
    """
    return _current("id").jid


def attempt() -> int:
    """Return which attempt of the job this is: 1, or more after its node or host was lost.

    Raises:
        CloudException: outside of jobs.
    """
    return _current("attempt").attempt


def label() -> str:
    """Return the job's `_label`, '' if it has none.

    Raises:
        CloudException: outside of jobs.
    """
    return _current("label").label


def progress(done: float, total: float | None = None, note: str = "") -> None:
    """Say how far the job is: `done` of `total` in whatever unit, None if nobody knows how much it will be.

    `cloud.info(jid, 'progress')` and `cloud.view` show the last word, while the job runs and after its end.  It is a write to
    memory, some microseconds: call it as often as you like.  Notes are cut after 200 characters.

    Raises:
        TypeError, ValueError: for what is no number, not finite or negative, and for a note that is no text.
        CloudException: outside of jobs, and in processes that a job forked.
    """
    job = _current("progress")
    if not isinstance(note, str):
        raise ArgumentTypeError(f"note must be a string, not {type(note).__name__}")
    job.remarks.set_progress(_amount("done", done), None if total is None else _amount("total", total), note)


def log(text: object) -> None:
    """Add a line to the job's own log, which `cloud.info(jid, 'log')` gives; the last 32 kB are kept with the job.

    Raises:
        CloudException: outside of jobs, and in processes that a job forked.
    """
    _current("log").remarks.add_log(str(text))


def _current(name: str) -> RunningJob:
    job = running.current
    if job is None:
        raise CloudException(
            f"cloud.job.{name}() was called, and no job runs in this process",
            hint="it is for the function of a job, in the job's own process",
        )
    return job


def _amount(name: str, value: object) -> float:
    """Return a number as int or float; numpy's too."""
    try:
        number: float = operator.index(value)  # type: ignore[arg-type]  # the answer to other types is an exception
        if number >= _MOST:
            number = float(number)
    except TypeError:
        if not isinstance(value, numbers.Real):
            raise ArgumentTypeError(f"{name} must be a number, not {type(value).__name__}") from None
        number = float(value)
    except OverflowError:
        number = math.inf
    if not 0 <= number < math.inf:
        raise ArgumentValueError(f"{name} must be a finite number and not negative, not {number}")
    return number
