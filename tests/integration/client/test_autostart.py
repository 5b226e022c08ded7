"""Starting nodes as a client does."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from picloud.client import autostart
from picloud.client.autostart import start_node
from picloud.client.connection import Connection
from picloud.exceptions import ArgumentValueError, HomeError, NodeUnreachableError
from picloud.testing.node import processes_of


def test_a_node_listens_when_it_was_started(home: Path) -> None:
    assert start_node(home, {"PICLOUD_DURABILITY": "process", "PICLOUD_CPUS": "1"}) is None
    connection = Connection(home, "me", 0, attached=False)
    assert connection.welcome.durability == "process"
    assert len(connection.welcome.cpus) == 1
    connection.close()


def test_a_program_with_many_descriptors_starts_one(home: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(2048, limits[0]), limits[1]))
    many = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        start_node(home, {"PICLOUD_DURABILITY": "process"})
        Connection(home, "me", 0, attached=False).close()
    finally:
        for descriptor in many:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_second_one_finds_the_first(home: Path) -> None:
    start_node(home, {})
    first = Connection(home, "me", 0, attached=False)
    assert start_node(home, {}) is None
    second = Connection(home, "you", 0, attached=False)
    assert first.welcome.generation == second.welcome.generation
    first.close()
    second.close()


def test_a_private_one_stays_a_child(home: Path) -> None:
    process = start_node(home, {"PICLOUD_DURABILITY": "process"}, private=True)
    assert process is not None
    connection = Connection(home, "me", 0, attached=True)
    assert connection.welcome.pid == process.pid
    connection.close()
    process.terminate()
    assert process.wait(10) == 0
    assert processes_of(home) == []


def test_what_the_node_says_is_raised(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentValueError, match="PICLOUD_DURABILITY"):
        start_node(home, {"PICLOUD_DURABILITY": "never"})
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(HomeError, match="cannot be used"):
        start_node(file, {})


def test_a_node_that_says_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autostart, "NODE_MODULE", "picloud.no_such_module")
    with pytest.raises(NodeUnreachableError, match=r"did not start \(exit status 1\)") as caught:
        start_node(home, {})
    assert "No module named picloud.no_such_module" in str(caught.value)


def test_a_node_that_takes_too_long(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "slow_node.py"
    slow.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(autostart, "NODE_MODULE", "slow_node")
    monkeypatch.setattr(autostart, "PATIENCE", 0.3)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with pytest.raises(NodeUnreachableError, match="did not start"):
        start_node(home, {})
    assert processes_of(home) == []
