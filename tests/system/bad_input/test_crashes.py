"""What a crash leaves in a home, a lock or a socket that nobody holds any more, is in nobody's way."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from picloud.testing.node import processes_of, stop_home


def _crash(cloud: ModuleType, home: Path) -> None:
    """Kill the node and wait until nothing of it runs."""
    psutil.Process(cloud.connection_info()["pid"]).kill()
    deadline = time.monotonic() + 20
    while processes_of(home):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_socket_and_a_lock_of_a_node_that_was_killed(cloud: ModuleType, home: Path) -> None:
    jid = cloud.call(abs, -4)
    cloud.join(jid)
    dead = cloud.connection_info()["pid"]
    _crash(cloud, home)
    assert (home / "node.sock").is_socket()
    assert (home / "node.lock").read_text() == f"{dead}\n"
    assert cloud.result(jid) == 4
    assert cloud.connection_info()["pid"] != dead


@pytest.mark.parametrize("leftover", ["socket", "file", "pid of a living process"])
def test_leftovers_that_no_node_holds(leftover: str, cloud: ModuleType, home: Path) -> None:
    jid = cloud.call(abs, -4)
    cloud.join(jid)
    cloud.close()
    assert stop_home(home) == []
    if leftover == "socket":
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(home / "node.sock"))
    elif leftover == "file":
        (home / "node.sock").write_text("")
    else:
        (home / "node.lock").write_text(f"{os.getpid()}\n")
    assert cloud.result(jid) == 4


def test_two_clients_that_find_a_dead_node_at_once_start_one(cloud: ModuleType, home: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    jid = cloud.call(abs, -4)
    cloud.join(jid)
    _crash(cloud, home)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(cloud.result, [jid] * 8)) == [4] * 8
    nodes = [process for process in processes_of(home) if "picloud.node.main" in process.cmdline()]
    assert len(nodes) == 1


def test_half_written_files_of_a_crash_are_swept(cloud: ModuleType, home: Path) -> None:
    jid = cloud.call(abs, -4)
    cloud.join(jid)
    _crash(cloud, home)
    orphan = home / "segments" / "incoming" / ("0" * 32)
    orphan.write_bytes(b"half")
    old = time.time() - 1e6
    os.utime(orphan, (old, old))
    assert cloud.result(jid) == 4
    assert not orphan.exists()
