"""What the kernel says about processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from picloud.worker import processes

ROOT = str(Path(__file__).parents[3] / "picloud")


def run(code: str) -> str:
    """Run code in a process of its own, which this room's calls change."""
    program = f"import sys, os, time, signal, subprocess; sys.path.insert(0, {ROOT!r}); from picloud.worker import processes\n"
    return subprocess.run(
        [sys.executable, "-c", program + code], capture_output=True, text=True, timeout=30, check=True
    ).stdout.strip()


def test_start_times() -> None:
    ticks = processes.start_time(os.getpid())
    with Path("/proc/uptime").open() as opened:
        up = float(opened.read().split()[0])
    assert 0 < ticks / os.sysconf("SC_CLK_TCK") <= up + 1
    assert processes.start_time(4_000_000) == 0


def test_names() -> None:
    assert run("processes.set_name('a (b) c'); print(open('/proc/self/comm').read())") == "a (b) c"
    assert run("processes.set_name('a (b) c'); print(processes.start_time(os.getpid()) > 0)") == "True"


@pytest.mark.parametrize("fallback", [False, True])
def test_children(fallback: bool) -> None:
    found = "processes._children_by_parent()" if fallback else "processes.children()"
    code = f"""
a = subprocess.Popen(["sleep", "9"]); b = subprocess.Popen(["true"]); time.sleep(0.1)
print(sorted({found}) == sorted([a.pid, b.pid]))
a.kill(); a.wait(); b.wait(); print({found} == [])
"""
    assert run(code).split() == ["True", "True"]


def test_orphans_fall_to_a_subreaper_and_are_ended() -> None:
    code = """
processes.become_subreaper()
subprocess.run(["sh", "-c", "sleep 60 & sleep 61 & (sleep 62; true) & setsid sleep 63 &"])
print(len(processes.children()) >= 4)
processes.end_all_children()
print(processes.children(), processes.has_children())
"""
    assert run(code).split("\n") == ["True", "[] False"]


def test_ended_children_are_collected_and_living_ones_named() -> None:
    code = """
pid = subprocess.Popen(["true"]).pid
print(processes.has_children(5), processes.children())
pid = subprocess.Popen(["sleep", "60"]).pid
start = time.monotonic()
print(processes.has_children(0.05), 0.04 < time.monotonic() - start < 2, processes.collect(pid))
processes.kill(pid); os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print(processes.collect(pid), processes.collect(pid))
processes.kill(pid)
"""
    assert run(code).split("\n") == ["False []", "True True False", "True True"]


def test_a_process_that_dies_with_its_parent() -> None:
    reader, writer = os.pipe()
    code = f"""
if not os.fork():
    processes.die_with(os.getppid())
    os.write({writer}, b"ready")
    time.sleep(60)
    os._exit(0)
time.sleep(60)
"""
    program = f"import sys, os, time; sys.path.insert(0, {ROOT!r}); from picloud.worker import processes\n"
    parent = subprocess.Popen([sys.executable, "-c", program + code], pass_fds=(writer,))
    os.close(writer)
    assert os.read(reader, 10) == b"ready"
    parent.kill()
    parent.wait()
    start = time.monotonic()
    assert os.read(reader, 10) == b"", "the write end closes when the last of both is gone"
    assert time.monotonic() - start < 30
    os.close(reader)


def test_a_process_whose_parent_is_gone_already_ends() -> None:
    code = "pid = os.fork()\nif not pid: processes.die_with(1); os._exit(5)\nprint(os.waitpid(pid, 0)[1])"
    assert run(code) == "0"
