"""cloud.mp: the same functions on another node."""

from __future__ import annotations

import pickle

import cloud
from cloud import mp


def test_it_has_the_job_functions() -> None:
    for name in mp.__all__:
        assert hasattr(cloud, name)
    assert mp.call != cloud.call
    assert mp.finished_statuses == cloud.finished_statuses


def test_its_functions_travel_by_name() -> None:
    assert pickle.loads(pickle.dumps(mp.call)) == mp.call
    assert pickle.loads(pickle.dumps(mp.jobs)) is mp.jobs


def test_before_the_first_use() -> None:
    facts = mp.connection_info()
    assert facts.pop("num_procs") > 0
    assert facts == {"opened": False, "connection_type": "multiprocessing"}
    assert mp.close() is False
