"""A job's profile as people and pstats read it."""

from __future__ import annotations

import marshal
from typing import Any

from picloud.client import profiles
from picloud.model import profile

STATISTICS: dict[Any, Any] = {
    ("m.py", 1, "quick"): (1, 1, 0.25, 0.25, {}),
    ("m.py", 5, "slow"): (2, 2, 0.5, 0.75, {}),
}


def test_no_profile_is_empty() -> None:
    assert profiles.text(b"", 0) == ""
    assert profiles.statistics(b"") == b""


def test_what_took_longest_comes_first() -> None:
    text, left_out = profile.encode(STATISTICS)
    shown = profiles.text(text.encode(), left_out)
    assert "3 function calls in 0.750 seconds" in shown
    assert shown.index("m.py:5(slow)") < shown.index("m.py:1(quick)")
    assert "left out" not in shown


def test_what_was_left_out_is_told() -> None:
    text, _ = profile.encode(STATISTICS)
    assert profiles.text(text.encode(), 12).startswith("12 functions that took the least time are left out")


def test_the_data_are_those_of_pstats() -> None:
    text, _ = profile.encode(STATISTICS)
    assert marshal.loads(profiles.statistics(text.encode())) == STATISTICS
