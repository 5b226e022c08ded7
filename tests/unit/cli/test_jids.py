from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.cli.jids import Listed, parse_jids
from picloud.model.ids import each

ARRAYS = [Listed(20, 3, ((21, 22),)), Listed(5, 10, ()), Listed(1, 4, ((1, 3), (4, 5)))]


def _newest_first() -> Iterator[Listed]:
    return iter(ARRAYS)


def _nobody_asked() -> Iterator[Listed]:
    raise AssertionError("numbers alone need no list")


def test_ranges_are_inclusive() -> None:
    assert parse_jids("1-4,7").ranges(_nobody_asked) == [(1, 5), (7, 8)]


def test_order_and_repetition_are_kept() -> None:
    assert parse_jids("7, 1-2, 7").ranges(_nobody_asked) == [(7, 8), (1, 3), (7, 8)]


def test_last_is_the_newest_submission_without_what_was_deleted() -> None:
    assert parse_jids("last").ranges(_newest_first) == [(20, 21), (22, 23)]


def test_all_is_everything_from_the_oldest_on() -> None:
    selection = parse_jids("all")
    assert selection.is_all
    assert list(each(selection.ranges(_newest_first))) == [3, *range(5, 15), 20, 22]


def test_words_and_numbers_go_together() -> None:
    selection = parse_jids("3,last")
    assert not selection.is_all
    assert selection.ranges(_newest_first) == [(3, 4), (20, 21), (22, 23)]


def test_words_where_nothing_is_stored() -> None:
    assert parse_jids("all,last").ranges(lambda: iter(())) == []


@pytest.mark.parametrize("text", ["", "x", "1,", "-3", "1-", "1-x", "1-2-3", "1.5", "1_000", "²", "ALL"])
def test_what_is_no_jid(text: str) -> None:
    with pytest.raises(ValueError, match="JIDS are jids and inclusive ranges such as 1-4,7"):
        parse_jids(text)


def test_a_range_that_runs_backwards() -> None:
    with pytest.raises(ValueError, match="'4-1' ends before it begins"):
        parse_jids("4-1")


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 50)), min_size=1, max_size=8))
def test_what_is_written_is_read(parts: list[tuple[int, int]]) -> None:
    text = ",".join(f"{first}-{first + more}" if more else str(first) for first, more in parts)
    wanted = [jid for first, more in parts for jid in range(first, first + more + 1)]
    assert list(each(parse_jids(text).ranges(_nobody_asked))) == wanted


@settings(max_examples=500)
@given(st.integers(1, 100), st.lists(st.booleans(), min_size=1, max_size=30))
def test_an_array_has_the_jids_that_were_not_deleted(first: int, deleted: list[bool]) -> None:
    gone = tuple((first + at, first + at + 1) for at, is_gone in enumerate(deleted) if is_gone)
    left = [first + at for at, is_gone in enumerate(deleted) if not is_gone]
    assert list(each(Listed(first, len(deleted), gone).ranges())) == left
