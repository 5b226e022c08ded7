"""Processes that nobody waits for any more are found by who is their parent, or by the mark that they carry, and ended."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys

from picloud.node import orphans

from .conftest import until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def _marked(generation: str, *command: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command or SLEEP, env=os.environ | {orphans.MARK: generation})
    until(lambda: process.pid in set(orphans.marked(generation)), "it carries the mark")
    return process


def test_the_mark_of_a_generation_is_found_and_no_other() -> None:
    one, other = secrets.token_hex(16), secrets.token_hex(16)
    with _marked(one) as first, _marked(other) as second:
        assert list(orphans.marked(one)) == [first.pid]
        assert list(orphans.marked(one[:-1])) == []
        first.kill()
        second.kill()


def test_a_dead_generation_is_ended_whole_and_others_left_alone() -> None:
    one, other = secrets.token_hex(16), secrets.token_hex(16)
    # What a marked process starts inherits the mark, in a session of its own or not, and whatever it ignores.
    stubborn = "trap '' TERM INT HUP; setsid sleep 60 & sleep 60 & wait"
    with _marked(one, "sh", "-c", stubborn) as first, _marked(one) as second, _marked(other) as bystander:
        until(lambda: len(list(orphans.marked(one))) == 4, "all have started")
        assert orphans.end_generation(one, 10.0) == 4
        assert list(orphans.marked(one)) == []
        assert (first.wait(10), second.wait(10)) == (-signal.SIGKILL, -signal.SIGKILL)
        assert bystander.poll() is None
        bystander.kill()


def test_a_generation_that_has_left_nothing_needs_no_time() -> None:
    assert orphans.end_generation(secrets.token_hex(16), 0.0) == 0


PROGRAM = """
import os, subprocess, sys, time
from picloud.node import orphans
orphans.become_subreaper()
known = subprocess.Popen(["sleep", "60"])
# A child that forks a grandchild in a session of its own, and ends.
subprocess.run(["sh", "-c", "setsid sleep 60 & setsid sleep 60 & exit"], check=True)
while len(orphans.children()) < 3:
    time.sleep(0.005)
strangers = [pid for pid in orphans.children() if pid != known.pid]
assert orphans.end_children(frozenset({known.pid})) == len(strangers) == 2
assert orphans.children() == [known.pid]
assert not any(os.path.exists(f"/proc/{pid}") for pid in strangers)
assert known.poll() is None
assert orphans.end_children(frozenset()) == 1
assert orphans.end_children(frozenset()) == 0
"""


def test_orphans_fall_to_the_node_and_are_ended_but_for_the_known() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=30)
