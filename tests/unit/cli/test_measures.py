from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.cli.measures import format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("0.5", 0.5),
        ("45s", 45),
        ("12h", 43200),
        ("7d", 604800),
        ("2w", 1209600),
        ("1h30m", 5400),
        ("1.5H", 5400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "7x", "d7", "-1", "-1d", "inf", "nan", "1h 30m", "7d7"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("10MB", 10_000_000),
        ("10mb", 10_000_000),
        ("1.5 GiB", 3 << 29),
        ("2KiB", 2048),
        ("7B", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "1 X", "1e3", "10M"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@settings(max_examples=500)
@given(st.integers(0, 10**15))
def test_a_printed_size_is_near_what_it_was(size: int) -> None:
    assert parse_size(format_size(size)) == pytest.approx(size, rel=0.05)
