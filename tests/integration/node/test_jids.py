"""Nodes that share a counter never give out the same jid."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from picloud.node.jids import SharedJids

_TAKE = """
import sys
from picloud.node.jids import SharedJids
shared, own, taken = SharedJids(int(sys.argv[1])), 1, []
for _ in range(2000):
    own = shared.begin(own)
    taken.append(own)
    own += 1
    shared.end(own)
print(*taken)
"""


def test_the_first_is_ones_own() -> None:
    with tempfile.TemporaryFile() as file:
        shared = SharedJids(os.dup(file.fileno()))
        assert shared.begin(1) == 1
        shared.end(11)
        assert shared.begin(1) == 11
        shared.end(11)
        assert shared.begin(30) == 30
        shared.end(31)
        assert SharedJids(os.dup(file.fileno())).begin(1) == 31


def test_processes_that_take_at_once() -> None:
    with tempfile.TemporaryFile() as file:
        descriptor = file.fileno()
        nodes = [
            subprocess.Popen(
                [sys.executable, "-c", _TAKE, str(descriptor)], stdout=subprocess.PIPE, text=True, pass_fds=[descriptor]
            )
            for _ in range(3)
        ]
        taken = [[int(word) for word in node.communicate(timeout=40)[0].split()] for node in nodes]
    assert all(own == sorted(own) for own in taken)
    assert sorted(jid for own in taken for jid in own) == list(range(1, 6001))


def test_a_node_that_is_killed_while_it_takes_holds_nobody_up() -> None:
    with tempfile.TemporaryFile() as file:
        descriptor = file.fileno()
        program = (
            "import os, signal, sys; from picloud.node.jids import SharedJids;"
            "SharedJids(int(sys.argv[1])).begin(1); os.kill(os.getpid(), signal.SIGKILL)"
        )
        subprocess.run([sys.executable, "-c", program, str(descriptor)], pass_fds=[descriptor], timeout=30, check=False)
        assert SharedJids(os.dup(descriptor)).begin(1) == 1


def test_no_child_of_the_node_gets_the_counter() -> None:
    reader, writer = os.pipe()
    try:
        os.set_inheritable(reader, True)
        SharedJids(reader)
        assert not os.get_inheritable(reader)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_descriptor_that_is_none_is_an_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        SharedJids(10_000)
