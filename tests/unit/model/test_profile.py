"""A profile as it is kept."""

from __future__ import annotations

import json
import marshal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from picloud.model import profile

_FUNCTIONS = st.tuples(st.text(max_size=10), st.integers(0, 1 << 20), st.text(max_size=10))
_TIMES = st.floats(0, 100)
_STATISTICS: st.SearchStrategy[dict[Any, Any]] = st.dictionaries(
    _FUNCTIONS, st.tuples(st.integers(0, 9), st.integers(0, 9), _TIMES, _TIMES, st.just({})), max_size=8
)


@given(_STATISTICS)
def test_what_is_encoded_comes_back_through_json(statistics: dict[Any, Any]) -> None:
    text, left_out = json.loads(json.dumps(profile.encode(statistics)))
    assert left_out == 0
    assert marshal.loads(profile.decode(text.encode())) == statistics


def _many(count: int) -> dict[Any, Any]:
    names = [("file.py", number, f"function{number * number}") for number in range(count)]
    return {name: (1, 1, 0.0, float(number), {names[0]: (1, 1, 0.0, 0.0)}) for number, name in enumerate(names)}


def test_the_quickest_functions_are_left_out_above_the_limit() -> None:
    statistics = _many(1000)
    text, left_out = profile.encode(statistics, 2000)
    kept = marshal.loads(profile.decode(text.encode()))
    assert 0 < left_out < 1000
    assert len(text) <= 2500
    assert len(kept) == 1000 - left_out
    assert min(entry[3] for entry in kept.values()) == left_out
    assert not any(entry[4] for entry in kept.values()), "the one caller is not kept"


def test_no_more_than_the_most_are_kept() -> None:
    assert profile.encode(_many(profile.MOST + 7))[1] >= 7


def test_nothing_fits_into_nothing() -> None:
    text, left_out = profile.encode(_many(3), 0)
    assert left_out == 3
    assert marshal.loads(profile.decode(text.encode())) == {}
