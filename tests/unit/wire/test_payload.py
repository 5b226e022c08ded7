"""Payloads: plain pickles, or pickle and buffers in the layout of a segment file."""

from __future__ import annotations

import os
import pickle
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.wire import payload


def _pickled(value: object) -> tuple[bytes, list[memoryview]]:
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(value, 5, buffer_callback=buffers.append)
    return pickled, [buffer.raw() for buffer in buffers]


def test_a_plain_pickle_is_its_own_payload() -> None:
    content = pickle.dumps({"a": 1}, 5)
    assert not payload.is_segment(content)
    assert payload.load(content) == {"a": 1}


@given(st.lists(st.binary(max_size=300), max_size=6), st.binary(min_size=1, max_size=100))
def test_the_layout_gives_back_what_was_put_in(buffers: list[bytes], pickled: bytes) -> None:
    content = b"".join(payload.parts(pickled, buffers))
    assert len(content) == payload.size(pickled, buffers)
    found, parts = payload.split(memoryview(content))
    assert bytes(found) == pickled
    assert [bytes(part) for part in parts] == buffers


def test_buffers_are_aligned_for_arrays() -> None:
    content = b"".join(payload.parts(b"p" * 7, [b"x" * 5, b"y" * 9]))
    assert content.index(b"xxxxx") % 64 == 0
    assert content.index(b"yyyyyyyyy") % 64 == 0


def test_an_array_in_a_segment_file_can_be_written_to_and_changes_nothing(tmp_path: Path) -> None:
    value = np.arange(100_000, dtype=float)
    path = str(tmp_path / "segment")
    payload.write_segment(path, *_pickled(value))
    assert os.stat(path).st_mode & 0o777 == 0o600
    descriptor = os.open(path, os.O_RDONLY)
    try:
        first, second = payload.load_segment(descriptor), payload.load_segment(descriptor)
    finally:
        os.close(descriptor)
    first[:] = 0.0
    assert np.array_equal(second, value)
    assert not first.any()


def test_an_array_in_bytes_can_be_written_to_as_well() -> None:
    content = b"".join(payload.parts(*_pickled(np.zeros(5000))))
    array = payload.load(content)
    array[0] = 1.0
    assert payload.load(content)[0] == 0.0


@pytest.mark.parametrize("cut", [10, 20, 5000, 40_000])
def test_a_segment_that_is_cut_short_is_an_error(cut: int) -> None:
    content = b"".join(payload.parts(*_pickled(np.zeros(5000))))
    with pytest.raises(ValueError, match="cut short"):
        payload.split(memoryview(content)[:cut])


def test_a_partial_file_does_not_stay(tmp_path: Path) -> None:
    class NotBytes:
        def __len__(self) -> int:
            return 1

    with pytest.raises(TypeError):
        payload.write_segment(str(tmp_path / "segment"), b"p", [NotBytes()])  # type: ignore[list-item]  # the point
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", [1000, 3 << 20])
def test_a_file_that_has_no_room_does_not_stay(tmp_path: Path, length: int) -> None:
    """A limit on the size of files stands for a full disk; a large file meets it before its first byte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "segment"
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            payload.write_segment(str(path), b"p", [b"x" * length])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
    payload.write_segment(str(path), b"p", [b"x" * length])
    assert path.stat().st_size == payload.size(b"p", [b"x" * length])
