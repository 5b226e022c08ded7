"""A greeted connection to a real node."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud import __version__
from picloud.client.connection import Connection
from picloud.exceptions import HomeError, ProtocolError, UnknownJobError
from picloud.testing.node import running_node
from picloud.wire import messages


@pytest.fixture(scope="module")
def node() -> Iterator[Path]:
    with running_node(PICLOUD_DURABILITY="process") as running:
        yield running.home


@pytest.fixture
def connection(node: Path) -> Iterator[Connection]:
    made = Connection(node, "me", 0, attached=False)
    yield made
    made.close()


def test_the_node_says_what_it_is(connection: Connection, node: Path) -> None:
    welcome = connection.welcome
    assert welcome.version == __version__
    assert welcome.home == str(node)
    assert welcome.durability == "process"
    assert welcome.cpus
    assert not connection.broken


def test_a_failure_is_raised_and_breaks_nothing(connection: Connection) -> None:
    with pytest.raises(UnknownJobError) as caught:
        connection.request(messages.GetStatus([[1000, 1001]]))
    assert caught.value.jid == 1000
    assert not connection.broken
    connection.request(messages.NodeStatus())


def test_what_is_not_of_the_protocol_is_answered(connection: Connection) -> None:
    with pytest.raises(ProtocolError, match="A client does not send Waited"):
        connection.request(messages.Waited(True, [], None))


def test_an_open_question_breaks_it(connection: Connection) -> None:
    connection.send(messages.NodeStatus())
    assert connection.broken
    connection.receive()
    assert not connection.broken


def test_hanging_up_ends_a_read(connection: Connection) -> None:
    connection.send(messages.NodeStatus())
    connection.receive()
    connection.hang_up()
    connection.hang_up()
    with pytest.raises(EOFError):
        connection.receive()


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(ConnectionRefusedError):
        Connection(tmp_path / "missing", "me", 0, attached=False)
    with pytest.raises(FileNotFoundError):
        Connection(tmp_path, "me", 0, attached=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_home_of_another_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(HomeError, match=r"belongs to user 12345, not to you \(user 0\)"):
        Connection(tmp_path, "me", 0, attached=False)


def test_a_home_on_a_long_path() -> None:
    folder = Path(tempfile.mkdtemp(prefix="pc-"))
    home = folder / ("long-" * 30) / "home"
    home.mkdir(parents=True)
    try:
        with running_node(home, PICLOUD_DURABILITY="process"):
            made = Connection(home, "me", 0, attached=False)
            assert made.welcome.home == str(home)
            made.close()
    finally:
        shutil.rmtree(folder)


def test_a_stale_worker_id_is_not_believed(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that a job left behind, of another life of the node, is an ordinary client."""
    monkeypatch.setenv("PICLOUD_HOME", str(node))
    monkeypatch.setenv("PICLOUD_WORKER", "7")
    monkeypatch.setenv("PICLOUD_GENERATION", "an older one")
    made = Connection(node, "me", 0, attached=False)
    made.request(messages.NodeStatus())
    made.close()
