"""Arrays in pickles: aside, writable on arrival, and untouched here."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.pickling import arrays
from picloud.pickling.pickler import ValuePickler


def copied(array: Any) -> Any:
    pickled, buffers = ValuePickler().pickled(array)
    return pickle.loads(pickled, buffers=[bytearray(buffer) for buffer in buffers])


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=3),
    st.sampled_from(["f8", "i2", "?", "c16", "S3", "U2", "M8[s]", "V5"]),
    st.permutations([0, 1, 2]),
    st.sampled_from([1, 2, -1]),
    st.booleans(),
)
def test_every_form_comes_back(shape: list[int], dtype: str, axes: list[int], step: int, read_only: bool) -> None:
    size = int(np.prod(shape))
    array = np.frombuffer(bytes(i % 2 for i in range(size * np.dtype(dtype).itemsize)), dtype).copy().reshape(shape)
    array = array.transpose([axis for axis in axes if axis < len(shape)])[::step]
    array.flags.writeable = not read_only
    before = array.copy()
    copy = copied(array)
    assert copy.dtype == array.dtype
    assert copy.flags.writeable
    assert copy.tobytes() == before.tobytes() == array.tobytes()
    assert array.flags.writeable != read_only


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_read_only_array_is_not_copied_to_be_sent(size: int) -> None:
    array = np.arange(float(size))
    array.flags.writeable = False
    _, buffers = ValuePickler().pickled(array)
    if buffers:
        assert np.shares_memory(np.frombuffer(buffers[0]), array)
    copy = copied(array)
    copy[0] = 5
    assert array[0] == 0


def test_what_is_an_array() -> None:
    assert arrays.is_array(np.ndarray)
    assert arrays.is_array(np.memmap)
    assert not arrays.is_array(list)


def test_a_subclass_that_pickles_itself_does() -> None:
    class Own(np.ndarray):
        def __reduce__(self) -> Any:
            return list, ()

    assert copied(np.zeros(100_000).view(Own)) == []
