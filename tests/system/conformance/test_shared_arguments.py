"""A large array that is an argument of many items: stored once, and every job's own."""

from __future__ import annotations

import os
import signal
from itertools import repeat
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from . import traces

FAST = 30


def spoil(table: Any, n: int) -> float:
    """Return what the table had at a place, and change it all."""
    found = float(table[n])
    table[:] = -1
    return found


def segments(cloud: ModuleType) -> int:
    return sum(path.is_file() for path in Path(cloud.getconfigpath(), "segments").iterdir())


def test_a_shared_array_is_stored_once_and_arrives_as_a_value(cloud: ModuleType) -> None:
    before = segments(cloud)
    table = np.arange(100_000.0)
    jids = cloud.map(spoil, repeat(table, 200), range(200))
    assert cloud.result(jids, timeout=FAST) == [float(n) for n in range(200)]
    assert table[7] == 7
    assert (cloud.info(jids[7], "args")[jids[7]]["args"][0] == table).all()
    assert cloud.info(jids[7], "args")[jids[7]]["args"][1] == 7
    assert segments(cloud) - before == 1


def test_it_is_there_until_the_last_of_its_jobs_is_deleted(cloud: ModuleType) -> None:
    before = segments(cloud)
    table = np.arange(100_000.0)
    jids = cloud.map(spoil, [table] * 10, range(10))
    cloud.join(jids, timeout=FAST)
    cloud.delete(jids[:9])
    assert segments(cloud) - before == 1
    assert (cloud.info(jids[9], "args")[jids[9]]["args"][0] == table).all()
    cloud.delete(jids[9])
    assert segments(cloud) == before


def test_it_outlives_the_node(cloud: ModuleType, gate: Path) -> None:
    before = segments(cloud)
    holder = cloud.call(traces.hold, str(gate))
    table = np.arange(100_000.0)
    jids = cloud.map(spoil, [table] * 20, range(20), _depends_on=holder)
    os.kill(cloud.connection_info()["pid"], signal.SIGKILL)
    gate.touch()
    assert cloud.result(jids, timeout=FAST) == [float(n) for n in range(20)]
    assert segments(cloud) - before == 1


def test_arrays_that_differ_are_stored_each(cloud: ModuleType) -> None:
    before = segments(cloud)
    jids = cloud.map(spoil, (np.full(100_000, float(n)) for n in range(40)), repeat(5, 40))
    assert cloud.result(jids, timeout=FAST) == [float(n) for n in range(40)]
    assert segments(cloud) - before == 40


def test_several_arrays_in_turns(cloud: ModuleType) -> None:
    before = segments(cloud)
    tables = [np.full(100_000, float(n)) for n in range(3)]
    jids = cloud.map(spoil, [tables[n % 3] for n in range(90)], range(90))
    assert cloud.result(jids, timeout=FAST) == [float(n % 3) for n in range(90)]
    assert segments(cloud) - before == 3
