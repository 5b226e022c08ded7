"""What an item's status may become."""

from __future__ import annotations

import pytest

from picloud.exceptions import IllegalEventError
from picloud.model.job import BY_CODE, DONE, ERROR, KILLED, PROCESSING, QUEUED, STALLED, WAITING, Status, is_finished
from picloud.scheduler import transitions
from picloud.scheduler.state import Array, Pool

LEGAL = {
    (Status.WAITING, Status.QUEUED),
    (Status.WAITING, Status.KILLED),
    (Status.WAITING, Status.STALLED),
    (Status.QUEUED, Status.PROCESSING),
    (Status.QUEUED, Status.DONE),
    (Status.QUEUED, Status.ERROR),
    (Status.QUEUED, Status.KILLED),
    (Status.PROCESSING, Status.QUEUED),
    (Status.PROCESSING, Status.DONE),
    (Status.PROCESSING, Status.ERROR),
    (Status.PROCESSING, Status.KILLED),
}


def array(*codes: int) -> Array:
    return Array(
        first=100,
        count=len(codes),
        pool=Pool(key="p"),
        cores=1,
        priority=5,
        client="",
        restartable=True,
        solitary=False,
        max_runtime=None,
        ignores_errors=False,
        statuses=bytearray(codes),
        left=len(codes),
        lane=("p", 1),
    )


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_the_table(before: Status, after: Status) -> None:
    old, new = BY_CODE.index(before), BY_CODE.index(after)
    some = array(old)
    if (before, after) in LEGAL:
        transitions.move(some, 0, 1, new)
        assert some.statuses == bytes([new])
    else:
        with pytest.raises(IllegalEventError):
            transitions.move(some, 0, 1, new)
        assert some.statuses == bytes([old])


def test_an_end_is_final() -> None:
    assert not [code for codes in transitions.BEFORE.values() for code in codes if is_finished(code)]


def test_a_worker_ends_what_it_was_handed() -> None:
    some = array(DONE, PROCESSING, QUEUED, QUEUED)
    transitions.finish(some, 1, bytes([DONE, ERROR, KILLED]))
    assert some.statuses == bytes([DONE, DONE, ERROR, KILLED])


@pytest.mark.parametrize(
    ("codes", "reported"),
    [((DONE,), DONE), ((WAITING,), DONE), ((QUEUED,), STALLED), ((QUEUED,), QUEUED), ((QUEUED,), 9)],
)
def test_what_a_worker_cannot_report(codes: tuple[int, ...], reported: int) -> None:
    with pytest.raises(IllegalEventError):
        transitions.finish(array(*codes), 0, bytes([reported]))


def test_the_error_tells_the_jobs_story() -> None:
    with pytest.raises(IllegalEventError) as raised:
        transitions.move(array(QUEUED, QUEUED, DONE), 0, 3, PROCESSING)
    error = raised.value
    assert "Job 102 cannot become processing: it is done, item 2 of the 3 of array 100" in str(error)
    assert (error.jid, error.status) == (102, Status.DONE)
    assert error.hint
