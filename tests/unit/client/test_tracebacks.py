"""A job's failure as an error here."""

from __future__ import annotations

import pickle
import traceback

import pytest

from picloud.client import tracebacks
from picloud.client.tracebacks import RemoteTraceback, job_error
from picloud.exceptions import CloudException, JobError
from picloud.model import job
from picloud.model.cause import Cause, CauseKind

TEXT = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    g()\nValueError: no\n'


def test_an_exception_keeps_its_own() -> None:
    error = job_error(7, job.ERROR, {"exception": TEXT}, pickle.dumps(ValueError("no")))
    assert isinstance(error, JobError)
    assert isinstance(error, CloudException)
    assert str(error) == f"Job 7: {TEXT}"
    assert (error.jid, error.status, error.parameter) == (7, "error", TEXT)
    assert isinstance(error.__cause__, ValueError)
    assert isinstance(error.__cause__.__cause__, RemoteTraceback)
    assert error.__cause__.__cause__.text == TEXT.rstrip()


def test_it_is_printed_with_the_remote_lines() -> None:
    error = job_error(7, job.ERROR, {"exception": TEXT}, pickle.dumps(ValueError("no")))
    printed = "".join(traceback.format_exception(error))
    assert printed.index('File "x.py", line 1') < printed.index("direct cause") < printed.index("JobError: Job 7")


@pytest.mark.parametrize("pickled", [None, b"", b"rubbish", pickle.dumps("no exception")])
def test_an_exception_that_did_not_travel(pickled: bytes | None) -> None:
    error = job_error(7, job.ERROR, {"exception": TEXT}, pickled)
    assert error.__cause__ is None
    assert str(error) == f"Job 7: {TEXT}"


@pytest.mark.parametrize(
    ("code", "meta", "message"),
    [
        (job.KILLED, {}, "Killed"),
        (job.KILLED, {"exception": TEXT}, TEXT),
        (job.KILLED, {"cause": Cause(CauseKind.KILLED_BY_USER).to_list()}, "Killed"),
        (
            job.KILLED,
            {"cause": Cause(CauseKind.TIMEOUT, 60, "It ran for more than 60 s").to_list()},
            "Killed: It ran for more than 60 s",
        ),
        (
            job.STALLED,
            {"cause": Cause(CauseKind.DEPENDENCY, 3).to_list()},
            "Could not start due to dependency erroring",
        ),
        (job.ERROR, {}, "unknown error"),
        (job.ERROR, {"cause": Cause(CauseKind.SIGNAL, 11).to_list()}, "The job ended by signal 11"),
        (job.ERROR, {"cause": Cause(CauseKind.LOST, None, "Its node went").to_list()}, "Its node went"),
    ],
)
def test_picloud_s_messages(code: int, meta: dict[str, object], message: str) -> None:
    error = job_error(7, code, meta, None)
    assert error.parameter == message
    assert error.status == str(job.BY_CODE[code])


def test_hints() -> None:
    missing = "Traceback\nModuleNotFoundError: No module named 'x'\n"
    assert "installed" in str(job_error(7, job.ERROR, {"exception": missing}, None).hint)
    assert job_error(7, job.ERROR, {"exception": TEXT}, None).hint is None
    assert "TIP: " in str(job_error(7, job.ERROR, {"cause": Cause(CauseKind.OOM_LIMIT).to_list()}, None))


def test_the_errors_of_a_job_travel() -> None:
    error = pickle.loads(pickle.dumps(job_error(7, job.ERROR, {"exception": TEXT}, None)))
    assert (error.jid, error.status, error.parameter) == (7, "error", TEXT)
    assert pickle.loads(pickle.dumps(tracebacks.RemoteTraceback("x"))).text == "x"
