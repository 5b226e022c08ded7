"""Arguments in parts, and names of functions."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picloud.client import submission
from picloud.client.segments import SegmentWriter
from picloud.client.serialization import ArgumentEncoder
from picloud.client.submission import name_of
from picloud.exceptions import SerializationError
from picloud.model import arguments
from picloud.wire import payload


def _no_segments() -> SegmentWriter:
    raise AssertionError("nothing here is large")


def _parts(rows: Iterator[tuple[Any, ...]]) -> submission._Parts:
    return submission._Parts(rows, ArgumentEncoder(0, 0, True, _no_segments))


def _single(values: Iterator[Any]) -> submission._Parts:
    return submission._Parts(values, ArgumentEncoder(0, 0, True, _no_segments), single=True)


def _values(parts: list[tuple[int, bytes]]) -> list[Any]:
    return [payload.load(item)[0] for _, record in parts for item in arguments.slices(record)]


@pytest.mark.parametrize("count", [0, 1, 10, 200_000])
def test_parts_hold_every_item_once(count: int) -> None:
    parts = _parts(zip(range(count)))
    taken = list(parts)
    assert parts.count == count
    assert _values(taken) == list(range(count))
    assert [start for start, _ in taken] == [
        sum(arguments.count_of(r) for _, r in taken[:i]) for i in range(len(taken))
    ]
    assert list(parts) == taken
    assert list(_single(iter(range(count)))) == taken


def test_a_single_column_of_any_values() -> None:
    values = [1, "a", [2], None, {"b": 3}] * 100
    assert _values(list(_single(iter(values)))) == values


def test_parts_are_made_as_they_are_asked_for() -> None:
    pulled = 0

    def rows() -> Iterator[tuple[Any, ...]]:
        nonlocal pulled
        for number in range(500_000):
            pulled = number
            yield (number,)

    parts = _parts(rows())
    first = next(iter(parts))
    assert pulled < 100_000
    again = list(parts)
    assert again[0] == first
    assert _values(again) == list(range(500_000))


def test_large_items_make_small_parts() -> None:
    parts = list(_parts(zip([b"x" * 100_000] * 100)))
    assert all(len(record) < 4 * submission.PART_BYTES for _, record in parts)
    assert sum(arguments.count_of(record) for _, record in parts) == 100


@pytest.mark.parametrize("make", [bytes, bytearray, np.zeros], ids=["bytes", "bytearray", "array"])
def test_items_that_go_into_segments_are_not_read_ahead(make: Callable[[int], Any], tmp_path: Path) -> None:
    """So that a generator of large values needs no more memory than a few of them."""
    writer = SegmentWriter(tmp_path)
    alive = weakref.WeakSet[Any]()
    most = 0

    class Held:
        def __init__(self) -> None:
            self.content = make(1_000_000)

    def rows() -> Iterator[tuple[Any, ...]]:
        nonlocal most
        for _ in range(40):
            held = Held()
            alive.add(held)
            most = max(most, len(alive))
            yield (held,)
            del held

    parts = submission._Parts(rows(), ArgumentEncoder(0, 0, True, lambda: writer))
    assert sum(arguments.count_of(record) for _, record in parts) == 40
    assert most <= 6
    writer.close()


def test_an_item_that_fails_is_named_by_its_index() -> None:
    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(20_000):
            yield (number if number != 15_000 else (i for i in range(0)),)

    with pytest.raises(SerializationError, match=r"item 15000: args\[0\]: generator"):
        list(_parts(rows()))


class Thing:
    def __call__(self) -> None:
        """Do nothing."""

    def method(self) -> None:
        """Do nothing."""


def test_names() -> None:
    line = Thing.method.__code__.co_firstlineno
    assert name_of(Thing().method) == f"{__name__}.Thing.method at {__file__}:{line}"
    assert name_of(len) == "builtins.len"
    assert name_of(Thing) == f"{__name__}.Thing"
    assert name_of(Thing()) == f"{__name__}.Thing object"
    assert name_of(functools.partial(len)) == "partial of builtins.len"
    assert name_of(lambda: 0).startswith(f"{__name__}.test_names.<locals>.<lambda> at {__file__}:")
