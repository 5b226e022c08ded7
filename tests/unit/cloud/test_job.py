"""What the functions of `cloud.job` accept, and that they are for jobs; tests/system/interface/test_job.py has the rest."""

from __future__ import annotations

import fractions
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cloud import job
from picloud.exceptions import CloudException
from picloud.model import running
from picloud.model.running import RunningJob


class Notebook:
    """Notes what is said."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def set_progress(self, done: float, total: float | None, note: str) -> None:
        self.said.append((done, total, note))

    def add_log(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def said() -> Iterator[list[Any]]:
    """Let a job run."""
    notebook = Notebook()
    running.current = RunningJob(100, 2, 3, lambda: 7, "night", notebook)
    yield notebook.said
    running.current = None


def test_a_job_knows_itself(said: list[Any]) -> None:
    assert (job.id(), job.attempt(), job.label()) == (107, 2, "night")


@pytest.mark.parametrize(
    ("arguments", "progress"),
    [
        ((3,), (3, None, "")),
        ((3, 10, "half"), (3, 10, "half")),
        ((0.5, 1.0), (0.5, 1.0, "")),
        ((True, 1), (1, 1, "")),
        ((np.int64(3), np.float32(0.5)), (3, 0.5, "")),
        ((fractions.Fraction(1, 2), 1 << 70), (0.5, float(1 << 70), "")),
    ],
)
def test_progress_is_of_numbers(said: list[Any], arguments: tuple[Any, ...], progress: tuple[Any, ...]) -> None:
    job.progress(*arguments)
    assert said == [progress]
    assert {type(number) for number in said[0][:2]} <= {int, float, type(None)}


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("3",), TypeError, "done must be a number, not str"),
        ((None,), TypeError, "done must be a number, not NoneType"),
        ((1, "many"), TypeError, "total must be a number, not str"),
        ((1j,), TypeError, "done must be a number, not complex"),
        ((1, 2, 3), TypeError, "note must be a string, not int"),
        ((-1,), ValueError, "done must be a finite number and not negative, not -1"),
        ((1, float("inf")), ValueError, "total must be a finite number"),
        ((float("nan"),), ValueError, "done must be a finite number"),
        ((10**400,), ValueError, "done must be a finite number"),
    ],
)
def test_other_progress_is_refused(
    said: list[Any], arguments: tuple[Any, ...], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        job.progress(*arguments)
    assert isinstance(caught.value, CloudException)
    assert said == []


def test_a_log_takes_anything_that_has_a_text(said: list[Any]) -> None:
    job.log("begun")
    job.log(3)
    assert said == ["begun", "3"]


@pytest.mark.parametrize("call", [job.id, job.attempt, job.label, lambda: job.progress(1), lambda: job.log("x")])
def test_outside_of_jobs_they_say_so(call: Callable[[], Any]) -> None:
    with pytest.raises(
        CloudException, match=r"^cloud\.job\.\w+\(\) was called, and no job runs in this process"
    ) as caught:
        call()
    assert caught.value.hint
