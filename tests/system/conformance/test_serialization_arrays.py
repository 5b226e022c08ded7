"""numpy's arrays: by value, out of band, writable on arrival whatever they were, and nothing that a job writes comes back."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

FAST = 30
SIZES = (10, 5_000, 500_000)
"""Inside the pickle, beside it, and in a segment."""


class Named(np.ndarray):
    """A subclass as people write them."""


def _read_only(n: int) -> Any:
    array = np.arange(float(n))
    array.flags.writeable = False
    return array


KINDS: dict[str, Callable[[int], Any]] = {
    "whole": lambda n: np.arange(float(n)),
    "a view": lambda n: np.arange(float(n))[2:-2],
    "with gaps": lambda n: np.arange(2.0 * n)[::2],
    "backwards": lambda n: np.arange(float(n))[::-1],
    "Fortran order": lambda n: np.asfortranarray(np.arange(2.0 * n).reshape(2, n)),
    "transposed": lambda n: np.arange(6.0 * n).reshape(2, n, 3).transpose(1, 0, 2),
    "read-only": _read_only,
    "read-only Fortran": lambda n: _read_only(2 * n).reshape(2, n).T,
    "broadcast": lambda n: np.broadcast_to(np.arange(5.0), (n // 5, 5)),
    "a subclass": lambda n: np.arange(float(n)).view(Named),
    "records": lambda n: np.zeros(n, dtype=[("a", "i4")]).view(np.recarray),
    "masked": lambda n: np.ma.array(np.arange(float(n)), mask=np.arange(n) % 2 == 0),
    "structured": lambda n: np.zeros(n, dtype=[("a", "i4"), ("b", "f8")]),
    "read-only structured": lambda n: np.frombuffer(bytes(12 * n), dtype=[("a", "<i4"), ("b", "<f8")]),
    "dates": lambda n: np.arange(n).astype("datetime64[s]"),
    "text": lambda n: np.array([str(i) for i in range(n)]),
    "objects": lambda n: np.array([{"n": i} for i in range(min(n, 1000))], dtype=object),
    "empty": lambda n: np.zeros((0, n)),
}


def _written(array: Any) -> Any:
    """Write into an array, and return it with what it was before."""
    before = array.copy()
    if array.size:
        array[...] = before[(0,) * before.ndim]
    return type(array), array.flags.writeable, before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_arrays_arrive_writable_and_come_back_as_they_were(cloud: ModuleType, kind: str, size: int) -> None:
    array = KINDS[kind](size)
    before = array.copy()
    jids = [cloud.call(_written, array), *cloud.map(_written, [array] * 2)]
    for arrived, writable, content in cloud.result(jids, timeout=FAST):
        assert arrived is type(array)
        assert writable
        assert content.dtype == array.dtype
        np.testing.assert_array_equal(content, before)
    np.testing.assert_array_equal(array, before)
    result = cloud.result(jids[0], timeout=FAST)[2]
    if result.size:
        result[...] = result[(0,) * result.ndim]
    np.testing.assert_array_equal(cloud.result(jids[0], timeout=FAST)[2], before)


def _zeroed(array: npt.NDArray[np.float64], index: int) -> tuple[int, float]:
    total = float(array.sum())
    array[:] = 0
    return index, total


@pytest.mark.parametrize("size", SIZES)
def test_neighbours_in_a_map_see_nothing_of_what_a_job_writes(cloud: ModuleType, size: int) -> None:
    array = np.ones(size)
    jids = cloud.map(_zeroed, [array] * 20, range(20))
    assert cloud.result(jids, timeout=FAST) == [(i, size) for i in range(20)]
    assert array.sum() == size


@pytest.mark.parametrize("size", SIZES)
def test_an_array_that_the_function_holds_is_fresh_for_each_submission(cloud: ModuleType, size: int) -> None:
    array = np.ones(size)

    def zero() -> float:
        total = float(array.sum())
        array[:] = 0
        return total

    for _ in range(2):
        assert cloud.result(cloud.call(zero), timeout=FAST) == size
    assert array.sum() == size


@pytest.mark.parametrize("size", SIZES)
def test_a_second_result_sees_nothing_of_what_was_done_to_the_first(cloud: ModuleType, size: int) -> None:
    jid = cloud.call(np.ones, size)
    first = cloud.result(jid, timeout=FAST)
    first[:] = 7
    assert cloud.result(jid, timeout=FAST).sum() == size


def test_large_views_stay_out_of_the_pickle(cloud: ModuleType) -> None:
    """Else a hundred megabytes would be copied several times: the payload is the segment's layout, the pickle in it is small."""
    from picloud.pickling.pickler import ValuePickler

    for kind in ("whole", "a view", "with gaps", "backwards", "Fortran order", "transposed", "read-only", "a subclass"):
        pickled, buffers = ValuePickler().pickled(KINDS[kind](50_000))
        assert len(pickled) < 1000, kind
        assert len(buffers) == 1, kind


def test_ufuncs_go_by_name(cloud: ModuleType) -> None:
    assert cloud.result(cloud.call(np.add, 1, 2), timeout=FAST) == 3
    assert cloud.result(cloud.call(lambda f: f, np.exp), timeout=FAST) is np.exp
    assert cloud.result(cloud.call(np.add.reduce, [1, 2, 3]), timeout=FAST) == 6
