"""CPUs are named by a count or a list."""

from __future__ import annotations

import pytest

from picloud.exceptions import ArgumentValueError
from picloud.model.cpus import parse_cpus


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", [0, 1, 2, 3]), ("2", [0, 1]), ("99", [0, 1, 2, 3]), ("1-2", [1, 2]), ("0, 3", [0, 3]), ("2-3,0", [0, 2, 3])],
)
def test_cpus_are_a_count_or_a_list(text: str, expected: list[int]) -> None:
    assert parse_cpus(text, [0, 1, 2, 3]) == expected


@pytest.mark.parametrize("text", ["0", "x", "1-", "7-9", "-1", "1,,2", "1.5"])
def test_anything_else_names_the_setting_and_what_the_machine_has(text: str) -> None:
    with pytest.raises(ArgumentValueError, match=r"PICLOUD_CPUS.*0,1,2,3"):
        parse_cpus(text, [0, 1, 2, 3])
