"""What is large in a value."""

from __future__ import annotations

import threading
from typing import Any

from picloud.pickling import excess
from picloud.pickling.culprit import Part
from picloud.pickling.pickler import size_of


def sizes(*values: Any) -> str:
    return excess.sizes([Part(f"args[{i}]", value) for i, value in enumerate(values)], size_of)


def test_the_largest_comes_first_and_is_looked_into() -> None:
    text = sizes("a" * 10, {"deep": [0, "b" * 1000]})
    assert text.startswith("args[1] has 10")
    assert "most of them in args[1]['deep'][1]: str; args[0] has 2" in text


def test_where_no_part_has_most_the_whole_is_named() -> None:
    assert "most of them in args[0]: list" in sizes(["a" * 100, "b" * 100, "c" * 100])


def test_long_lists_are_not_looked_into() -> None:
    assert "most of them in args[0]: list" in sizes([1] * excess.MOST_PARTS + ["a" * 100_000])


def test_many_arguments_are_told_by_the_largest() -> None:
    assert sizes(*["a"] * 9).endswith("4 more have less")


def test_what_cannot_be_measured_has_no_size() -> None:
    assert "args[0] has 0 bytes" in sizes(threading.Lock(), "a")


def test_nothing_has_no_sizes() -> None:
    assert sizes() == ""
