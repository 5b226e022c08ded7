"""Calls under the profiler."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from picloud.model import profile
from picloud.worker.kills import Flags
from picloud.worker.profiling import Profiler


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = sys.getprofile()
    yield
    sys.setprofile(before)


def work(x: int, *, fails: bool = False) -> int:
    if fails:
        raise ValueError(x)
    return abs(x)


def _names(meta: dict[str, Any]) -> set[str]:
    text, left_out = meta["profile"]
    assert left_out == 0
    return {name for _, _, name in marshal.loads(profile.decode(text.encode()))}


def test_each_call_has_its_own() -> None:
    flags = Flags()
    profiler = Profiler(work, flags)
    assert profiler(-1) == 1
    assert flags.after
    assert _names(profiler.take()) == {"work", "<built-in method builtins.abs>"}
    assert profiler.take() == {}


def test_a_call_that_raises_has_one_too() -> None:
    profiler = Profiler(work, Flags())
    with pytest.raises(ValueError, match="3"):
        profiler(3, fails=True)
    assert _names(profiler.take()) == {"work"}


def test_what_was_interrupted_on_its_way_out_is_ended() -> None:
    """As a kill between the end of the call and the profiler's."""
    import cProfile

    profiler = Profiler(work, Flags())
    profiler._profile = cProfile.Profile()
    profiler._profile.enable()
    work(1)
    assert "work" in _names(profiler.take())
    assert sys.getprofile() is None
