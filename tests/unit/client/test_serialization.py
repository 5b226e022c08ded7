"""Functions and arguments as bytes."""

from __future__ import annotations

import linecache
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.client.segments import SegmentWriter
from picloud.client.serialization import ArgumentEncoder, encode_function
from picloud.exceptions import ExcessiveDataError, SerializationError
from picloud.model.arguments import SEGMENT_MARK, segment_of
from picloud.wire import payload


def _no_segments() -> SegmentWriter:
    raise AssertionError("nothing here is large")


def _encoder(
    limit: int = 0, level: int = 0, *, is_map: bool = True, segments: Callable[[], SegmentWriter] = _no_segments
) -> ArgumentEncoder:
    return ArgumentEncoder(limit, level, is_map, segments)


def _no_source(code: CodeType) -> str | None:
    return None


def helper(x: int) -> int:
    return x + 1


atoms = st.sampled_from([None, True, 0, -1, 1 << 80, 0.5, 1j, "", "é", b"\x00"]) | st.integers() | st.text(max_size=5)
values = st.one_of(atoms, st.lists(atoms, max_size=3), st.dictionaries(st.text(max_size=3), atoms, max_size=3))


@settings(max_examples=500)
@given(st.lists(st.tuples(values, values), min_size=1, max_size=5))
def test_rows_come_back_as_they_went(rows: list[tuple[Any, ...]]) -> None:
    items = _encoder().encode_rows(rows, 0)
    assert [payload.load(item) for item in items] == rows
    assert all(item[:1] == b"\x80" for item in items)


@settings(max_examples=500)
@given(st.tuples(values), st.dictionaries(st.text(), values, max_size=3))
def test_a_call_comes_back_as_it_went(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    assert payload.load(_encoder(is_map=False).encode((args, kwargs))) == (args, kwargs)


def test_items_share_nothing() -> None:
    shared = ["a"]
    first, second = [payload.load(item)[0] for item in _encoder().encode_rows([(shared,), (shared,)], 0)]
    first.append("b")
    assert second == ["a"]


def test_functions_are_arguments_too() -> None:
    (item,) = _encoder().encode_rows([(lambda x: x * 2, helper)], 0)
    double, same = payload.load(item)
    assert double(4) == 8
    assert same is helper


def test_large_buffers_stay_out_of_the_pickle() -> None:
    array = np.arange(5000.0)
    (item,) = _encoder().encode_rows([(array,)], 0)
    assert payload.is_segment(item)
    copy = payload.load(item)[0]
    copy[0] = 7
    assert (copy[1:] == array[1:]).all()
    assert array[0] == 0


def test_a_buffer_with_gaps_goes_into_the_pickle() -> None:
    array = np.arange(50_000.0).reshape(100, 500)[:, ::5]
    (item,) = _encoder().encode_rows([(array,)], 0)
    assert (payload.load(item)[0] == array).all()


@pytest.mark.parametrize("value", [b"x" * payload.SEGMENT_THRESHOLD, np.zeros(1_000_000)], ids=["bytes", "array"])
@pytest.mark.parametrize("is_map", [True, False])
def test_a_large_item_is_a_segment(value: Any, is_map: bool, tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    encoder = _encoder(is_map=is_map, segments=lambda: writer)
    item = encoder.encode_rows([(value,)], 0)[0] if is_map else encoder.encode(((value,), {}))
    assert item[:1] == SEGMENT_MARK
    name, pickled = segment_of(item)
    with (tmp_path / name).open("rb") as segment:
        loaded = payload.load_segment(segment.fileno(), pickled=pickled)
    assert (np.asarray(loaded[0] if is_map else loaded[0][0]) == np.asarray(value)).all()
    writer.close()
    assert not list(tmp_path.iterdir())


def test_the_limit_is_for_each_item() -> None:
    encoder = _encoder(limit=100)
    assert len(encoder.encode_rows([("a" * 80,)] * 10, 0)) == 10
    with pytest.raises(ExcessiveDataError, match=r"^Excessive data \(\d+ bytes\) transmitted") as caught:
        encoder.encode_rows([("a",), ("a" * 200,)], 0)
    assert "max_transmit_data" in str(caught.value)


def test_an_item_that_cannot_travel_is_named() -> None:
    rows: list[tuple[Any, ...]] = [(1,), ({"deep": [1, 2, 3, (i for i in range(0))]},)]
    with pytest.raises(SerializationError, match=r"item 8: args\[0\]\['deep'\]\[3\]: generator"):
        _encoder().encode_rows(rows, 7)
    with pytest.raises(SerializationError, match="cannot pickle 'generator' object") as caught:
        _encoder(level=1).encode_rows(rows, 0)
    assert "args[0]" not in str(caught.value)
    assert isinstance(caught.value, pickle.PicklingError)


def test_the_encoder_works_after_a_failure() -> None:
    encoder = _encoder()
    with pytest.raises(SerializationError):
        encoder.encode(([threading.Lock()],))
    assert payload.load(encoder.encode(({"a": [1]},))) == ({"a": [1]},)


def test_the_plain_pickler_takes_no_lambdas() -> None:
    with pytest.raises(SerializationError):
        _encoder(level=2).encode((lambda: 0,))
    assert payload.load(_encoder(level=2).encode(([1],))) == ([1],)


def test_a_function_of_a_module_goes_by_name() -> None:
    encoded = encode_function(helper, _no_source)
    assert encoded.codes == []
    assert len(encoded.pickled) < 200
    assert pickle.loads(encoded.pickled) is helper


def test_a_closure_goes_by_value() -> None:
    seen = [1]
    encoded = encode_function(lambda x: (x, seen), _no_source)
    seen.append(2)
    assert pickle.loads(encoded.pickled)(0) == (0, [1])
    assert [code.co_name for code in encoded.codes] == ["<lambda>"]


def test_a_function_with_a_large_array_keeps_it_aside() -> None:
    array = np.arange(100_000.0)
    encoded = encode_function(lambda: float(array.sum()), _no_source)
    assert len(encoded.pickled) < 5000
    assert pickle.loads(encoded.pickled, buffers=encoded.buffers)() == array.sum()


def test_interactive_source_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def cell(x):\n    return 1 / x\n"
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<cell 1>", "exec"), space)
    encoded = encode_function(space["cell"], lambda code: text if code.co_filename == "<cell 1>" else None)
    monkeypatch.setattr(linecache, "cache", {})
    assert pickle.loads(encoded.pickled)(2) == 0.5
    assert linecache.getline("<cell 1>", 2) == "    return 1 / x\n"
    linecache.checkcache("<cell 1>")
    assert linecache.getline("<cell 1>", 2) == "    return 1 / x\n"


def test_a_function_that_cannot_travel_is_named() -> None:
    lock = threading.Lock()
    with pytest.raises(SerializationError, match="<variable lock>: lock") as caught:
        encode_function(lambda: lock, _no_source)
    assert caught.value.hint is not None


def test_a_recursive_function_travels() -> None:
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    assert pickle.loads(encode_function(factorial, _no_source).pickled)(5) == 120


def test_too_deep_is_a_clear_error() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SerializationError, match="recursion"):
        _encoder().encode((deep,))
    while deep:
        deep = deep.pop()
