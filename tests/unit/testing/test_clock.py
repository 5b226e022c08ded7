"""The clock that obeys."""

from __future__ import annotations

import pytest

from picloud.testing.clock import FakeClock


def test_it_stands_still_until_told() -> None:
    clock = FakeClock(5.0)
    assert (clock(), clock()) == (5.0, 5.0)
    assert clock.advance(0.5) == clock() == 5.5


def test_it_never_goes_back() -> None:
    clock = FakeClock()
    with pytest.raises(ValueError, match=r"cannot go back by 1\.0 s"):
        clock.advance(-1.0)
    assert clock() == 0.0
