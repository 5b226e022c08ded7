"""Jids as arguments: numbers, ranges and iterables of both, numpy's as well as Python's; True is no number."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FAST = 30

ASK = ["join", "status", "result", "iresult", "iresult_unordered", "info", "kill", "delete", "view"]


@pytest.fixture
def jids(cloud: ModuleType) -> range:
    """Give the jids of ten jobs that have ended."""
    found: range = cloud.map(abs, range(10))
    cloud.join(found, timeout=FAST)
    return found


@pytest.mark.parametrize(
    "pick",
    [
        lambda jids: jids[::3],
        lambda jids: jids[::-1],
        lambda jids: list(jids)[2:5],
        tuple,
        lambda jids: [jids[:2], jids[5], jids[8:4:-2]],
        lambda jids: {jids[4]},
        dict.fromkeys,
        np.array,
        lambda jids: np.array(jids[:3], np.int32),
        lambda jids: [np.int64(jids[1]), jids[2], jids[4:6]],
    ],
)
def test_ranges_with_steps_iterables_and_arrays(cloud: ModuleType, jids: range, pick: Any) -> None:
    asked = pick(jids)
    flat = [int(each) for item in asked for each in (item if isinstance(item, range) else [item])]
    expected = [jid - jids[0] for jid in flat]
    assert cloud.result(pick(jids), timeout=FAST) == expected
    assert cloud.status(pick(jids)) == ["done"] * len(expected)
    assert list(cloud.iresult(pick(jids), timeout=FAST)) == expected
    assert list(cloud.info(pick(jids), "status")) == flat
    assert cloud.join(pick(jids), timeout=FAST) is None


def test_an_integer_of_numpy_is_one_job(cloud: ModuleType, jids: range) -> None:
    jid = np.int64(jids[3])
    assert cloud.result(jid) == 3
    assert cloud.status(jid) == "done"
    assert cloud.wait_for.status(jid, "done", timeout=FAST) == "done"
    assert cloud.info(jid, "status") == {jids[3]: {"status": "done"}}
    assert cloud.result(cloud.call(abs, -1, _depends_on=jid), timeout=FAST) == 1
    cloud.kill(jid)
    cloud.delete(jid)
    with pytest.raises(cloud.CloudException, match=f"^Job {jids[3]}: Does not exist") as caught:
        cloud.result(jid)
    assert type(caught.value.jid) is int


@pytest.mark.parametrize("name", ASK)
@pytest.mark.parametrize(
    "what", [True, False, [True], 1.0, np.float64(1), np.True_, "1", b"1", [[1]], {"a": 1}, len], ids=repr
)
def test_everything_else_is_a_type_error(cloud: ModuleType, name: str, what: Any) -> None:
    with pytest.raises(TypeError, match=r"^jid\(s\) must be integers$"):
        getattr(cloud, name)(what)


def test_jids_can_be_kept_in_a_file(cloud: ModuleType, jids: range) -> None:
    kept = json.dumps([list(jids), jids[0]])
    several, one = json.loads(kept)
    assert cloud.result(several) == list(range(10))
    assert cloud.result(one) == 0
