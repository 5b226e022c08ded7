"""A worker runs what it is handed."""

from __future__ import annotations

from typing import Any


def test_items_run_in_order(worker: Any) -> None:
    ends = worker.run(lambda x: x * 2, [(i,) for i in range(1000)], group=100)
    assert [end.value() for end in ends] == [i * 2 for i in range(1000)]
