"""Which finished arrays may go."""

from __future__ import annotations

from typing import Any

import pytest

from picloud.model.job import DONE, ERROR, KILLED, Status
from picloud.store.records import Summary
from picloud.store.retention import Criteria, select


@pytest.fixture
def filled(store: Any) -> Any:
    """Fill a store with arrays of several kinds."""
    store.run(store.array(1, 10, label="nightly"), finished=1000.0)
    store.run(store.array(11, 4, label="nightly-2"), code=ERROR, finished=2000.0)
    store.run(store.array(15, 100, label=""), code=KILLED, finished=3000.0)
    store.submit(store.array(115, 4, label="nightly"))
    store.submit(store.array(119, 2))
    store.commit(
        lambda batch: batch.put_ends(119, 0, store.ends([DONE, ERROR])),
        lambda batch: batch.put_finished(119, Summary(1, 1, 0, 0, 4000.0)),
    )
    return store


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        (Criteria(), [1, 11, 15, 119]),
        (Criteria(older_than=2500.0), [1, 11]),
        (Criteria(label="nightly"), [1]),
        (Criteria(label="nightly*"), [1, 11]),
        (Criteria(states=frozenset({Status.ERROR})), [11]),
        (Criteria(states=frozenset({Status.ERROR, Status.DONE})), [1, 11, 119]),
        (Criteria(min_size=1000), [15]),
        (Criteria(older_than=4000.0, label="nightly", states=frozenset({Status.DONE}), min_size=1), [1]),
        (Criteria(older_than=9e9), []),
    ],
)
def test_criteria(filled: Any, criteria: Criteria, expected: list[int]) -> None:
    assert [found.first for found in select(filled.environment, criteria, now=5000.0)] == expected


def test_a_candidate_says_what_would_go(filled: Any) -> None:
    filled.write_segment("seg", bytes(5000))
    before = next(select(filled.environment, Criteria(), now=5000.0))
    filled.commit(lambda batch: batch.put_ends(1, 0, filled.ends([DONE] * 4, segment="seg")))
    found = next(select(filled.environment, Criteria(), now=5000.0))
    assert (found.first, found.count, found.label, found.created) == (1, 10, "nightly", 1001.0)
    assert found.summary == Summary(10, 0, 0, 0, 1000.0)
    assert 4900 < found.size - before.size < 5000
    assert "module.function" in found.name
