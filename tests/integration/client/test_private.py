"""Private nodes: nothing of them is left."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from picloud.client.private import PrivateHome
from picloud.client.session import Session
from picloud.model.settings import Durability, Settings
from picloud.testing.node import processes_of
from picloud.wire import messages


def _session() -> tuple[Session, Path]:
    private = PrivateHome()
    return Session(Settings(durability=Durability.PROCESS, idle_time=0.0), private), private.path


def test_closing_ends_the_node_and_removes_its_home() -> None:
    session, path = _session()
    assert not path.exists()
    session.request(messages.NodeStatus())
    assert path.stat().st_mode & 0o777 == 0o700
    assert processes_of(path)
    assert session.close()
    assert not path.exists()
    assert processes_of(path) == []


def test_there_is_no_home_before_its_node_runs() -> None:
    session, path = _session()
    assert not session.close()
    assert not path.exists()


def test_a_killed_private_node_is_started_again_on_its_home() -> None:
    session, path = _session()
    first = session.open().pid
    psutil.Process(first).kill()
    session.request(messages.NodeStatus())
    assert session.welcome is not None
    assert session.welcome.pid != first
    session.close()
    assert not path.exists()


def test_a_forked_child_leaves_it_alone() -> None:
    session, path = _session()
    pid = session.open().pid
    child = os.fork()
    if child == 0:
        status = 1
        try:
            session.request(messages.NodeStatus())
            session.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    session.request(messages.NodeStatus())
    assert session.welcome is not None
    assert session.welcome.pid == pid
    session.close()
    assert not path.exists()


def test_a_node_whose_start_nobody_remembers_ends_with_the_session() -> None:
    """As after Ctrl-C between the start of its process and the note of it."""
    session, path = _session()
    session.open()
    (node,) = [process for process in processes_of(path) if process.ppid() == os.getpid()]
    private = session._private
    assert private is not None
    forgotten, private._process = private._process, None
    session.close()
    node.wait(20)
    assert forgotten is not None
    forgotten.wait()
    assert not path.exists()
    assert processes_of(path) == []
