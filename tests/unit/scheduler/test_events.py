"""Events are records: frozen, compared by value, and each has its handler."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest

from picloud.model.cause import CauseKind
from picloud.model.job import ERROR
from picloud.scheduler import events
from picloud.scheduler.machine import Limits, Scheduler


@pytest.mark.parametrize("kind", get_args(events.Event))
def test_every_event_is_a_frozen_record_that_the_scheduler_takes(kind: Any) -> None:
    assert kind.__doc__
    event = kind(
        **{name: value for name, value in SAMPLE.items() if name in {f.name for f in dataclasses.fields(kind)}}
    )
    assert kind.__dataclass_params__.frozen
    assert isinstance(Scheduler(Limits(slots=1)).handle(event, 0.0), list)


SAMPLE = {
    "first": 1,
    "count": 1,
    "pool": "p",
    "worker": 1,
    "seq": 1,
    "codes": b"",
    "seconds": 0.0,
    "kept": 0,
    "kind": events.LossKind.JOB,
    "ranges": None,
    "index": 0,
    "detail": "no",
    "permanent": False,
}


def test_what_is_not_said_is_the_usual() -> None:
    array = events.ArraySubmitted(first=1, count=1, pool="p")
    assert (array.cores, array.priority, array.restartable, array.max_runtime) == (1, 5, True, None)
    lost = events.WorkerLost(worker=1, kind=events.LossKind.JOB)
    assert (lost.running, lost.cause.kind, lost.status) == (None, CauseKind.LOST, ERROR)
    assert events.KillRequested(ranges=None).cause.kind is CauseKind.KILLED_BY_USER
