"""Results as payloads."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.exceptions import ExcessiveDataError, SerializationError
from picloud.pickling.pickler import FULL, QUICK
from picloud.wire import payload
from picloud.worker.kills import Flags
from picloud.worker.results import NONE, Encoder

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner) | st.frozensets(st.integers()),
    max_leaves=20,
)


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return Encoder(str(tmp_path), Flags())


@given(st.lists(_VALUES, max_size=5))
@settings(max_examples=500)
def test_values_come_back_whatever_was_encoded_before(values: list[Any]) -> None:
    encoder = Encoder("/nonexistent", Flags())
    for value in values:
        assert payload.load(encoder.encode(value)) == value


def test_none_is_known() -> None:
    assert pickle.loads(NONE) is None


def test_a_failure_does_not_spoil_the_next(encoder: Encoder) -> None:
    for _ in range(3):
        with pytest.raises(SerializationError):
            encoder.encode(["a", threading.Lock()])
        assert payload.load(encoder.encode(["a", "b"])) == ["a", "b"]


def test_interrupted_pickling_does_not_spoil_the_next(encoder: Encoder) -> None:
    class Interrupting:
        def __reduce__(self) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encoder.encode(["a", Interrupting()])
    assert payload.load(encoder.encode(["b"])) == ["b"]


class Buffered:
    """Pickles its bytes as a buffer."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = data

    def __reduce_ex__(self, _protocol: Any) -> Any:
        return bytes, (pickle.PickleBuffer(self.data),)


@pytest.mark.parametrize(
    ("size", "inside", "segment"),
    [(100, True, False), (20_000, False, False), (payload.SEGMENT_THRESHOLD, False, True)],
)
def test_buffers_by_size(encoder: Encoder, tmp_path: Path, size: int, inside: bool, segment: bool) -> None:
    data = os.urandom(size)
    encoded = encoder.encode([Buffered(data)])
    assert encoder.in_segment == segment
    if segment:
        encoded = (tmp_path / encoded.decode()).read_bytes()
    assert payload.is_segment(encoded) != inside
    assert payload.load(encoded) == [data]


def test_buffers_that_are_not_contiguous_stay_inside(encoder: Encoder) -> None:
    data = bytes(range(256)) * 1000

    class Strided:
        def __reduce_ex__(self, _protocol: Any) -> Any:
            return bytes, (bytes(memoryview(data)[::2]),)

    assert payload.load(encoder.encode(Strided())) == data[::2] or encoder.in_segment


def test_a_segment_is_noted_in_the_flags(tmp_path: Path) -> None:
    flags = Flags()
    encoder = Encoder(str(tmp_path), flags)
    encoder.encode([1])
    assert not flags.after
    encoder.encode([b"x" * payload.SEGMENT_THRESHOLD])
    assert flags.after


def test_the_limit_counts_everything(encoder: Encoder) -> None:
    encoder.limit = 50_000
    assert not encoder.in_segment
    encoder.encode([Buffered(b"x" * 40_000)])
    for value in ([Buffered(b"x" * 50_000)], "x" * 60_000, [Buffered(b"x" * 500_000)]):
        with pytest.raises(ExcessiveDataError, match="50000"):
            encoder.encode(value)
    with pytest.raises(ExcessiveDataError):
        encoder.arrange(b"x" * 50_001)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (threading.Lock, "result: lock"),
        (lambda: [0, threading.Lock()], "result[1]: lock"),
        (lambda: {"a": (0, [threading.Lock()])}, "result['a'][1][0]: lock"),
        (lambda: [[], {}, "x", 5, (i for i in [1])], "result[4]: generator"),
    ],
)
def test_the_culprit_is_named(encoder: Encoder, make: Callable[[], object], path: str) -> None:
    for level in (FULL, QUICK):
        encoder.level = level
        with pytest.raises(SerializationError) as raised:
            encoder.encode(make())
        assert (f" {path} (" in str(raised.value)) == (level == FULL or path == "result: lock")


def test_a_value_that_cannot_be_looked_into_is_named_whole(encoder: Encoder) -> None:
    class Shy(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError

        def __iter__(self) -> Any:
            raise RuntimeError

        def __reduce_ex__(self, _protocol: Any) -> Any:
            raise TypeError("no")

    with pytest.raises(SerializationError, match="result: Shy"):
        encoder.encode(Shy())


def test_a_large_result_leaves_nothing_that_slows_down_the_next(encoder: Encoder) -> None:
    encoder.encode([1])
    before = encoder._pickler
    encoder.encode([2])
    assert encoder._pickler is before
    encoder.encode([str(number) for number in range(100_000)])
    assert encoder._pickler is not before
