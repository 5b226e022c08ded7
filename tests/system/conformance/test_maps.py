"""map: one job for each tuple of items, over any iterables, padded with None to the longest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FAST = 30
MANY = 50_000


def collect(*items: Any) -> tuple[Any, ...]:
    return items


def same(x: Any) -> Any:
    return x


def numbers(count: int) -> Iterator[int]:
    yield from range(count)


class OldSequence:
    """What `for` can go through by `__getitem__` alone."""

    def __getitem__(self, index: int) -> int:
        return range(3)[index]


class Lines:
    """An iterable that is neither a sequence nor an iterator."""

    def __iter__(self) -> Iterator[str]:
        return iter(["a", "b"])


class Packed:
    """A function that knows how often it was pickled here."""

    count = 0

    def __getstate__(self) -> dict[str, int]:
        Packed.count += 1
        return {}

    def __call__(self, x: int) -> int:
        return -x


def test_jid_i_is_the_job_of_the_tuple_i(cloud: ModuleType) -> None:
    jids = cloud.map(collect, ["abc"] * 5, range(5))
    assert type(jids) is range
    assert len(jids) == 5
    for number in (4, 0, 2):
        assert cloud.result(jids[number], timeout=FAST) == ("abc", number)
    assert cloud.result(jids, timeout=FAST) == [("abc", n) for n in range(5)]


def test_jids_of_a_map_follow_each_other_and_what_was_before(cloud: ModuleType) -> None:
    first = cloud.call(same, 1)
    assert cloud.map(same, range(3)) == range(first + 1, first + 4)
    assert cloud.map(same, [0]) == range(first + 4, first + 5)
    assert cloud.call(same, 1) == first + 5


@pytest.mark.parametrize(
    ("iterables", "expected"),
    [
        (([1, 2, 3], [4]), [(1, 4), (2, None), (3, None)]),
        (([4], [1, 2, 3]), [(4, 1), (None, 2), (None, 3)]),
        (([], [1, 2]), [(None, 1), (None, 2)]),
        (([1], [], [2, 3]), [(1, None, 2), (None, None, 3)]),
        ((range(2), numbers(3), ["ab"]), [(0, 0, "ab"), (1, 1, None), (None, 2, None)]),
    ],
)
def test_the_shorter_are_padded_with_none(cloud: ModuleType, iterables: Any, expected: list[Any]) -> None:
    assert cloud.result(cloud.map(collect, *iterables), timeout=FAST) == expected


@pytest.mark.parametrize(
    ("iterable", "expected"),
    [
        ((1, 2), [1, 2]),
        ({"a": 1, "b": 2}, ["a", "b"]),
        ({5}, [5]),
        (numbers(3), [0, 1, 2]),
        (iter([1, 2]), [1, 2]),
        (map(abs, [-1, -2]), [1, 2]),
        (Lines(), ["a", "b"]),
        (np.arange(3), [0, 1, 2]),
        (memoryview(b"ab"), [97, 98]),
    ],
)
def test_any_iterable_will_do(cloud: ModuleType, iterable: Iterable[Any], expected: list[Any]) -> None:
    assert cloud.result(cloud.map(same, iterable), timeout=FAST) == expected


def test_rows_of_an_array(cloud: ModuleType) -> None:
    rows = cloud.result(cloud.map(same, np.arange(6).reshape(3, 2)), timeout=FAST)
    assert [row.tolist() for row in rows] == [[0, 1], [2, 3], [4, 5]]


def test_a_file_gives_its_lines(cloud: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("a\nb\n")
    with (tmp_path / "lines").open() as lines:
        assert cloud.result(cloud.map(str.strip, lines), timeout=FAST) == ["a", "b"]


@pytest.mark.parametrize("empty", [[], (), {}, range(0), numbers(0), iter(())])
def test_nothing_is_no_job(cloud: ModuleType, empty: Any) -> None:
    before = cloud.call(same, 1)
    jids = cloud.map(same, empty)
    assert jids == range(0)
    assert list(jids) == []
    assert cloud.map(collect, empty, []) == range(0)
    assert cloud.call(same, 1) == before + 1
    assert cloud.result(jids) == cloud.status(jids) == list(cloud.iresult(jids)) == []
    assert cloud.join(jids) is None


def test_a_long_generator_is_read_to_its_end(cloud: ModuleType) -> None:
    jids = cloud.map(abs, (-n for n in range(MANY)))
    assert len(jids) == MANY
    assert cloud.result(jids, timeout=FAST) == list(range(MANY))


def test_more_than_ten_thousand_are_no_error(cloud: ModuleType) -> None:
    assert cloud.result(cloud.map(same, range(10_001)), timeout=FAST)[-1] == 10_000


def test_no_iterables_are_a_value_error(cloud: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"^cloud\.map needs at least 2 arguments$"):
        cloud.map(same)


@pytest.mark.parametrize("what", [5, None, 1.5, len, OldSequence(), object()])
def test_an_argument_that_is_no_iterable_is_named(cloud: ModuleType, what: Any) -> None:
    for before in range(3):
        iterables: list[Any] = [[1]] * before
        with pytest.raises(TypeError, match=rf"^map argument {before + 1} \(.*\) is not an iterable$"):
            cloud.map(collect, *iterables, what, [1])


@pytest.mark.parametrize("text", ["abc", "", b"abc", bytearray(b"abc")])
def test_text_is_no_iterable_here(cloud: ModuleType, text: Any) -> None:
    with pytest.raises(TypeError, match=r"^map argument 1 \(.*\) is not an iterable: its letters are hardly meant"):
        cloud.map(same, text)


def test_a_generator_function_is_to_be_called(cloud: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"is a generator function, call it: numbers\(\.\.\.\)$"):
        cloud.map(same, numbers)


def test_what_is_refused_submits_nothing_and_reads_nothing(cloud: ModuleType) -> None:
    before = cloud.call(same, 1)
    source = numbers(3)
    refused: list[Callable[[], Any]] = [
        lambda: cloud.map(same, source, 5),
        lambda: cloud.map(same, source, [1]),
        lambda: cloud.map("same", source),
        lambda: cloud.map(same, source, x=1),
        lambda: cloud.map(same, source, _priority="1"),
    ]
    for submit in refused:
        with pytest.raises((TypeError, ValueError)):
            submit()
    assert list(source) == [0, 1, 2]
    assert cloud.call(same, 1) == before + 1


def test_an_iterable_that_raises_submits_nothing(cloud: ModuleType) -> None:
    def broken() -> Iterator[int]:
        yield from range(20_000)
        raise LookupError("half way")

    before = cloud.call(same, 1)
    with pytest.raises(LookupError, match="half way"):
        cloud.map(same, broken())
    assert cloud.call(same, 1) == before + 1


def test_the_function_takes_no_keyword_arguments(cloud: ModuleType) -> None:
    with pytest.raises(
        ValueError, match=r"^Cannot pass keyword arguments into cloud\.map Unexpected keyword argument 'x'"
    ):
        cloud.map(same, [1], x=2)
    factor = 3
    assert cloud.result(cloud.map(lambda x: x * factor, [1, 2]), timeout=FAST) == [3, 6]


def test_a_function_that_takes_other_numbers_of_arguments_is_refused(cloud: ModuleType) -> None:
    with pytest.raises(TypeError, match="same"):
        cloud.map(same, [1], [2])


def test_the_function_is_serialized_once(cloud: ModuleType) -> None:
    Packed.count = 0
    assert cloud.result(cloud.map(Packed(), range(1000)), timeout=FAST) == [-n for n in range(1000)]
    assert Packed.count == 1


@pytest.mark.parametrize("level", [0, 1, 2])
def test_items_that_share_an_argument_have_one_each(cloud: ModuleType, level: int) -> None:
    def grow(values: list[int], *_: Any) -> int:
        values.append(1)
        return len(values)

    mine: list[int] = []
    assert cloud.result(cloud.map(grow, [mine] * 500, _fast_serialization=level), timeout=FAST) == [1] * 500
    assert cloud.result(cloud.map(grow, [mine] * 500, [1], _fast_serialization=level), timeout=FAST) == [1] * 500
    assert mine == []


def test_jobs_of_a_map_are_jobs_like_any(cloud: ModuleType) -> None:
    def odd_fails(n: int) -> int:
        if n % 2:
            raise ValueError(f"{n} is odd")
        return n

    jids = cloud.map(odd_fails, range(4))
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    assert cloud.status(jids) == ["done", "error", "done", "error"]
    with pytest.raises(cloud.CloudException, match=f"^Job {jids[3]}: Traceback"):
        cloud.result(jids[3])
    cloud.delete(jids[1])
    assert cloud.result([jids[0], jids[2]]) == [0, 2]
    assert cloud.info(jids[2], ["args", "status"]) == {jids[2]: {"args": (2,), "status": "done"}}
