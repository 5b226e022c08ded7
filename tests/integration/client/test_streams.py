"""Results one after the other: what is read ahead, and that nothing stays open."""

from __future__ import annotations

import os
from operator import length_hint

import pytest

from cloud._jobs import Jobs
from picloud.client.streams import Ordered, Unordered
from picloud.exceptions import JobError

FAST = 50.0
COUNT = 300
LARGE = 2 << 20


def _job(number: int) -> int:
    if number == 5:
        raise ValueError(number)
    return number


@pytest.mark.parametrize("kind", [Ordered, Unordered])
def test_each_comes_once_an_error_is_raised_in_its_place_and_what_is_left_is_known(
    jobs: Jobs, kind: type[Ordered | Unordered]
) -> None:
    jids = jobs.map(_job, range(COUNT))
    stream = kind(jobs.session(), [(jids.start, jids.stop)], FAST, False)
    found = []
    for left in range(COUNT, 0, -1):
        assert length_hint(stream) == left
        try:
            found.append(next(stream))
        except JobError as error:
            found.extend(number for number, jid in enumerate(jids) if jid == error.jid)
    assert sorted(found) == list(range(COUNT))
    assert found == list(range(COUNT)) or kind is Unordered
    assert next(stream, None) is None


@pytest.mark.parametrize("kind", [Ordered, Unordered])
def test_segments_are_closed_with_their_page(jobs: Jobs, kind: type[Ordered | Unordered]) -> None:
    jids = jobs.map(lambda number: bytes([number]) * LARGE, range(4))
    jobs.join(jids, timeout=FAST)
    before = len(os.listdir("/proc/self/fd"))
    stream = kind(jobs.session(), [(jids.start, jids.stop)], FAST, False)
    assert next(stream) == bytes([0]) * LARGE or kind is Unordered
    assert len(list(stream)) == 3
    assert len(os.listdir("/proc/self/fd")) == before
