"""Memory that is freed is used again while there is work, and is the system's again afterwards."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import resource
from picloud.node import allocator

allocator.keep_memory()

def work():
    for _ in range(50):
        bytes(4 << 20)

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    fields = dict(line.split(":") for line in open("/proc/self/status"))
    return int(fields["RssAnon"].split()[0])

work()
before = faults()
work()
faulted = faults() - before
blocks = [b"x" * (1 << 20) for _ in range(24)]
large = resident()
del blocks
held = resident()
allocator.give_memory_back()
print(faulted, large - held, large - resident())
"""


def test_freed_blocks_are_used_again_and_given_back_when_told() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    faulted, freed, given_back = map(int, done.stdout.split())
    assert faulted < 1000, "each block of 4 MB has a thousand pages"
    assert freed < 1 << 10
    assert given_back > 20 << 10
