"""What a node takes from the machine."""

from __future__ import annotations

import subprocess
import sys


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
