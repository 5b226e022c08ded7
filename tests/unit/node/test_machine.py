"""CPUs are named by a count or a list."""

from __future__ import annotations

import subprocess
import sys

import pytest

from picloud.exceptions import ArgumentValueError
from picloud.node import machine


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", [0, 1, 2, 3]), ("2", [0, 1]), ("99", [0, 1, 2, 3]), ("1-2", [1, 2]), ("0, 3", [0, 3]), ("2-3,0", [0, 2, 3])],
)
def test_cpus_are_a_count_or_a_list(text: str, expected: list[int]) -> None:
    assert machine.parse_cpus(text, [0, 1, 2, 3]) == expected


@pytest.mark.parametrize("text", ["0", "x", "1-", "7-9", "-1", "1,,2", "1.5"])
def test_anything_else_names_the_setting_and_what_the_machine_has(text: str) -> None:
    with pytest.raises(ArgumentValueError, match=r"PICLOUD_CPUS.*0,1,2,3"):
        machine.parse_cpus(text, [0, 1, 2, 3])


def test_a_node_takes_the_cpus_that_its_starter_was_not_given() -> None:
    program = (
        "import os; from picloud.node import machine; every = machine.take_cpus('');"
        "os.sched_setaffinity(0, every[:1]); assert machine.take_cpus('') == every;"
        "assert os.sched_getaffinity(0) == set(every); machine.take_cpus('1'); assert os.sched_getaffinity(0) == set(every[:1])"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_soft_limits_become_the_hard_ones() -> None:
    program = (
        "import resource; from picloud.node import machine; soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)); machine.raise_limits();"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
