"""The error tree: PiCloud's attributes and texts, kinship with the built-in errors, and the trip to another process."""

from __future__ import annotations

import copy
import inspect
import logging
import multiprocessing
import pickle

import pytest

from picloud import exceptions
from picloud.exceptions import (
    BY_CODE,
    ArgumentTypeError,
    ArgumentValueError,
    CloudException,
    CloudTimeoutError,
    JobError,
    SerializationError,
    from_wire,
)

KINDS = sorted(BY_CODE.values(), key=lambda kind: kind.code)


def test_the_drawing_shows_every_error_and_its_code() -> None:
    assert exceptions.__doc__
    drawn = dict(line.split()[-2:] for line in exceptions.__doc__.splitlines() if line.startswith("    Cloud"))
    for line in exceptions.__doc__.splitlines():
        words = line.lstrip(" │├└─").split()
        if len(words) >= 2 and words[0] in vars(exceptions):
            drawn[words[0]] = words[1]
    assert drawn == {kind.__name__: code for code, kind in BY_CODE.items()}


def test_codes_are_unique_and_every_class_is_known() -> None:
    classes = [
        value for value in vars(exceptions).values() if inspect.isclass(value) and issubclass(value, CloudException)
    ]
    assert len(BY_CODE) == len(classes)
    assert set(BY_CODE.values()) == set(classes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_childs_code_extends_its_parents_where_they_share_a_subject(kind: type[CloudException]) -> None:
    parent = kind.__mro__[1]
    if kind.code.startswith(("argument", "node", "store")) and parent is not CloudException:
        assert issubclass(parent, CloudException)
        assert kind.code.startswith(parent.code + ".")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CloudException("why"), "why"),
        (CloudException("why", jid=7), "Job 7: why"),
        (CloudException("why", jid=7, status=454), "Job 7: why"),
        (CloudException("why", status=454), "Error 454: why"),
        (CloudException("why", jid=7, hint="do this"), "Job 7: why\nTIP: do this"),
        (CloudException("why", hint="do this"), "why\nTIP: do this"),
        (CloudException("why", jid=0), "Job 0: why"),
        (CloudTimeoutError(), "Timed out"),
        (CloudTimeoutError("cloud.join timed out", [1, 2]), "Job [1, 2]: cloud.join timed out"),
    ],
)
def test_text(error: CloudException, text: str) -> None:
    assert str(error) == text


def test_picloud_attributes() -> None:
    error = CloudException("why", 7, "error", True, None, "tip")
    assert (error.parameter, error.jid, error.status, error.retry, error.hint) == ("why", 7, "error", True, "tip")
    assert error.args == (7, "error", "why", 7)
    assert (error.job_str, error.status_str) == ("Job ", "Error ")
    assert CloudTimeoutError().retry is False


def test_a_logger_is_warned_of_an_error_of_a_job(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("Cloud")
    CloudException("why", 7, logger=logger)
    CloudTimeoutError("late", [7, 8], logger)
    CloudException("of no job", logger=logger)
    CloudException("nobody hears", 7)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "Job 7 threw exception: why"),
        ("WARNING", "Job [7, 8] threw exception: late"),
    ]


@pytest.mark.parametrize(
    ("kind", "relatives"),
    [
        (CloudTimeoutError, (TimeoutError, multiprocessing.TimeoutError)),
        (ArgumentTypeError, (TypeError,)),
        (ArgumentValueError, (ValueError,)),
        (SerializationError, (pickle.PicklingError,)),
    ],
)
def test_caught_by_the_names_that_programs_use(
    kind: type[CloudException], relatives: tuple[type[Exception], ...]
) -> None:
    caught: list[type[Exception]] = [CloudException, *relatives]
    for relative in caught:
        with pytest.raises(relative):
            raise kind("why")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_keeps_class_and_facts(kind: type[CloudException], protocol: int) -> None:
    error = kind("why", jid=[1, 2], status="error", retry=True, hint="tip")
    for twin in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(twin) is kind
        assert vars(twin) == vars(error)
        assert (twin.args, str(twin)) == (error.args, str(error))


@pytest.mark.parametrize("kind", KINDS)
def test_the_wire_keeps_class_and_facts(kind: type[CloudException]) -> None:
    error = kind("why", jid=3, status="killed", hint="tip")
    twin = from_wire(error.to_wire())
    assert type(twin) is kind
    assert twin.to_wire() == error.to_wire()
    assert str(twin) == str(error)


def test_an_error_of_a_newer_version_is_still_an_error() -> None:
    twin = from_wire({"code": "job.from-the-future", "message": "why", "jid": 4})
    assert type(twin) is CloudException
    assert str(twin) == "Job 4: why"
    assert str(from_wire({})) == ""


@pytest.mark.parametrize("value", [ValueError("inner"), None, b"x", ["list"]])
def test_any_message_becomes_text_on_the_wire(value: object) -> None:
    assert JobError(value).to_wire()["message"] == str(value)


def test_many_jobs_are_named_by_their_beginning() -> None:
    error = CloudTimeoutError("timed out", jid=list(range(1, 1_000_001)))
    assert str(error).startswith("Job [1, 2, 3, ")
    assert str(error).endswith("20, ... 1000000 jobs]: timed out")
    assert len(str(error)) < 200
    assert len(error.args[0]) == 1_000_000
    assert str(CloudTimeoutError("timed out", jid=[4, 5])) == "Job [4, 5]: timed out"
