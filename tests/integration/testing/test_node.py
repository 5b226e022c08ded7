"""A node for the time of a test, and what is known about the processes of a home."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from picloud.exceptions import HomeError
from picloud.testing.node import NODE_MODULE, processes_of, running_node, stop_home, temporary_home


def test_a_node_runs_for_the_time_of_a_test() -> None:
    with running_node() as node:
        assert [process.pid for process in processes_of(node.home) if NODE_MODULE in process.cmdline()] == [
            node.process.pid
        ]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(node.home / "node.sock"))
    assert node.process.returncode == 0
    assert not node.home.exists()
    assert processes_of(node.home) == []


def test_a_home_that_was_given_is_kept(tmp_path: Path) -> None:
    with running_node(tmp_path, PICLOUD_DURABILITY="process") as first:
        pass
    with running_node(tmp_path) as second:
        assert second.process.pid != first.process.pid
    assert (tmp_path / "node.log").exists()


def test_what_the_node_says_when_it_cannot_start_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match=str(tmp_path / "file")), running_node(tmp_path / "file"):
        pytest.fail("it started")


def test_processes_are_known_by_environment_or_command_line(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    carrying = os.environ | {"PICLOUD_HOME": str(tmp_path)}
    with (
        subprocess.Popen(sleep, env=carrying, stdin=subprocess.PIPE) as first,
        subprocess.Popen([*sleep, str(tmp_path)], stdin=subprocess.PIPE) as second,
        subprocess.Popen(sleep, env=os.environ | {"PICLOUD_HOME": f"{tmp_path}x"}, stdin=subprocess.PIPE) as other,
    ):
        _wait_for_exec(first, second, other)
        assert {process.pid for process in processes_of(tmp_path)} == {first.pid, second.pid}
        left = stop_home(tmp_path, 0.1)
        assert sorted(line.split()[1] for line in left) == sorted([str(first.pid), str(second.pid)])
        assert (first.wait(10), second.wait(10)) == (-signal.SIGKILL, -signal.SIGKILL)
        assert other.poll() is None
    assert stop_home(tmp_path, 0.1) == []


def _wait_for_exec(*started: subprocess.Popen[bytes]) -> None:
    """Popen returns when exec has closed its pipe, a moment before the kernel shows the new command line and environment."""
    deadline = time.monotonic() + 10
    while [psutil.Process(process.pid).cmdline()[1:2] for process in started] != [["-c"]] * len(started):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_temporary_home_is_private_and_short() -> None:
    folder = temporary_home()
    try:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(str(folder / "node.sock")) < 100
        assert list(folder.iterdir()) == []
    finally:
        folder.rmdir()
