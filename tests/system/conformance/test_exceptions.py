"""CloudException and CloudTimeoutError: what they say, what they carry, what else they are, and that they travel."""

from __future__ import annotations

import copy
import inspect
import logging
import multiprocessing
import pickle
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pytest

import cloud as package
from cloud import CloudException, CloudTimeoutError

FAST = 30


def fail(key: str) -> None:
    raise KeyError(key)


def hold(path: str) -> None:
    import time

    while not Path(path).exists():
        time.sleep(0.005)


def caught(function: Any, *args: Any, **kwargs: Any) -> Any:
    with pytest.raises(CloudException) as info:
        function(*args, **kwargs)
    return info.value


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "why"),
        ({"jid": 7}, "Job 7: why"),
        ({"jid": 7, "hint": "do this"}, "Job 7: why\nTIP: do this"),
        ({"status": 454}, "Error 454: why"),
        ({"jid": 7, "status": "error"}, "Job 7: why"),
        ({"jid": [7, 8]}, "Job [7, 8]: why"),
    ],
)
def test_its_text_is_by_job_else_by_status_else_the_message(arguments: dict[str, Any], text: str) -> None:
    assert str(CloudException("why", **arguments)) == text


def test_its_arguments_attributes_and_args() -> None:
    names = [parameter for parameter in inspect.signature(CloudException).parameters if parameter != "self"]
    assert names == ["value", "jid", "status", "retry", "logger", "hint"]
    error = CloudException("why", 7, "error", True, None, "tip")
    assert (error.parameter, error.jid, error.status, error.retry, error.hint) == ("why", 7, "error", True, "tip")
    assert error.args == (7, "error", "why", 7)
    assert (CloudException.job_str, CloudException.status_str) == ("Job ", "Error ")
    bare = CloudException("why")
    assert (bare.jid, bare.status, bare.retry, bare.hint) == (None, None, False, None)


def test_a_timeout_error_is_all_that_programs_catch() -> None:
    names = list(inspect.signature(CloudTimeoutError).parameters)
    assert names[:3] == ["value", "jid", "logger"]
    assert issubclass(CloudTimeoutError, (CloudException, TimeoutError, multiprocessing.TimeoutError))
    error = CloudTimeoutError()
    assert (str(error), error.parameter, error.jid, error.status, error.retry) == (
        "Timed out",
        "Timed out",
        None,
        None,
        False,
    )


def test_they_are_those_of_the_package() -> None:
    assert package.CloudException is CloudException
    assert package.CloudTimeoutError is CloudTimeoutError
    assert issubclass(CloudException, Exception)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "error", [CloudException("why", 7, "error", True, None, "tip"), CloudTimeoutError("late", [7, 8])], ids=repr
)
def test_they_survive_pickling_and_copying(error: CloudException, protocol: int) -> None:
    for twin in (
        pickle.loads(pickle.dumps(error, protocol)),
        cloudpickle.loads(cloudpickle.dumps(error)),
        copy.copy(error),
        copy.deepcopy(error),
    ):
        assert type(twin) is type(error)
        assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))


def test_a_logger_is_warned_of_the_error_of_a_job(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("of a program")
    CloudException("why", 7, logger=logger)
    CloudTimeoutError("late", [7, 8], logger)
    CloudException("of no job", logger=logger)
    CloudException("without a logger", 7)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "Job 7 threw exception: why"),
        ("WARNING", "Job [7, 8] threw exception: late"),
    ]


def test_the_error_of_a_job(cloud: ModuleType) -> None:
    jid = cloud.call(fail, "lost")
    error = caught(cloud.result, jid, timeout=FAST)
    assert str(error).startswith(f"Job {jid}: Traceback (most recent call last):\n")
    assert error.parameter.rstrip().endswith("KeyError: 'lost'")
    assert (error.jid, error.status, error.args) == (jid, "error", (jid, "error", error.parameter, jid))
    assert isinstance(error.__cause__, KeyError)
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin), twin.jid, twin.status) == (type(error), str(error), jid, "error")


def test_an_error_can_be_the_result_or_the_argument_of_a_job(cloud: ModuleType) -> None:
    error = CloudException("why", 7, "error", hint="tip")
    assert str(cloud.result(cloud.call(lambda x: x, error), timeout=FAST)) == str(error)

    def outer() -> None:
        import cloud

        cloud.result(cloud.call(fail, "inner"))

    raised = caught(cloud.result, cloud.call(outer), timeout=FAST)
    assert "KeyError: 'inner'" in raised.parameter
    assert isinstance(raised.__cause__, CloudException)
    assert raised.__cause__.status == "error"


def test_a_timeout_lists_the_unfinished(cloud: ModuleType, gate: Path) -> None:
    done = cloud.call(abs, -1)
    cloud.join(done, timeout=FAST)
    slow = cloud.map(hold, [str(gate)] * 3)
    for name in ("join", "result"):
        error = caught(getattr(cloud, name), [done, slow], timeout=0)
        assert type(error) is CloudTimeoutError
        assert error.jid == list(slow)
        assert str(error) == f"Job {list(slow)}: cloud.{name} timed out"
        assert (error.status, error.retry) == (None, False)
        assert pickle.loads(pickle.dumps(error)).jid == list(slow)
    with pytest.raises(multiprocessing.TimeoutError):
        cloud.join(slow[0], timeout=0)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("cloud.call(3)", TypeError),
        ("cloud.map(abs)", ValueError),
        ("cloud.map(abs, 3)", TypeError),
        ("cloud.call(abs, 1, _priority='1')", TypeError),
        ("cloud.call(abs, 1, _max_runtime=0)", ValueError),
        ("cloud.status('asdf')", TypeError),
        ("cloud.join(1, timeout=-1)", ValueError),
        ("cloud.info(1, 5)", TypeError),
        ("cloud.info(1, 'statsu')", ValueError),
        ("cloud.wait_for.status('1', 'done')", TypeError),
        ("cloud.wait_for.status(1, 'finished')", ValueError),
    ],
)
def test_errors_of_arguments_are_what_they_were_and_cloud_exceptions_too(
    cloud: ModuleType, statement: str, kind: type[Exception]
) -> None:
    error = caught(eval, statement, {"cloud": cloud})
    assert error.code == {TypeError: "argument.type", ValueError: "argument.value"}[kind]
    assert isinstance(error, kind)


def test_every_error_of_a_question_has_a_code(cloud: ModuleType, gate: Path) -> None:
    running = cloud.call(hold, str(gate))
    stalled = cloud.call(abs, -1, _depends_on=cloud.call(fail, "x"))
    cloud.join(stalled, timeout=FAST, ignore_errors=True)
    codes = {
        caught(cloud.status, 1_000_000).code: "unknown",
        caught(cloud.delete, running).code: "unfinished",
        caught(cloud.result, stalled).code: "failed",
        caught(cloud.call, abs, -1, _depends_on=1_000_000).code: "dependency",
        caught(cloud.wait_for.status, stalled, "done").code: "unreachable",
        caught(cloud.call, abs, threading.Lock()).code: "serialization",
    }
    assert codes == {f"job.{name}": name for name in codes.values()}
    assert caught(cloud.join, running, timeout=0).code == "cloud.timeout"
