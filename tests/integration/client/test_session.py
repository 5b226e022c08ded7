"""Connections that come and go under a client."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from picloud.client.connection import Connection
from picloud.client.session import Session
from picloud.exceptions import CloudException, NodeUnreachableError, UnknownJobError
from picloud.model.settings import Durability, Settings
from picloud.wire import messages
from picloud.wire.channel import Received


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    made = Session(Settings(home=str(home), durability=Durability.PROCESS))
    yield made
    made.close()


def _pid(session: Session) -> int:
    received = session.request(messages.NodeStatus())
    assert isinstance(received.message, messages.NodeFacts)
    pid: int = received.message.facts["pid"]
    return pid


def _kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)


def test_the_first_request_starts_a_node(session: Session) -> None:
    assert session.welcome is None
    pid = _pid(session)
    assert session.welcome is not None
    assert session.welcome.pid == pid
    assert session.incoming.is_dir()


def test_a_thread_keeps_its_connection(session: Session) -> None:
    seen: set[int] = set()
    for _ in range(5):
        session.run(lambda connection: seen.add(id(connection)))
    assert len(seen) == 1
    others: list[int] = []
    thread = threading.Thread(target=lambda: session.run(lambda connection: others.append(id(connection))))
    thread.start()
    thread.join()
    assert set(others).isdisjoint(seen)


def test_a_request_inside_a_request_has_its_own(session: Session) -> None:
    """An iterator of arguments may itself ask for results."""

    def outer(connection: Connection) -> tuple[int, int]:
        connection.send(messages.NodeStatus())
        inner = _pid(session)
        received: Received = connection.receive()
        assert isinstance(received.message, messages.NodeFacts)
        return inner, received.message.facts["pid"]

    inner, own = session.run(outer)
    assert inner == own


def test_a_killed_node_is_replaced(session: Session) -> None:
    first = _pid(session)
    _kill(first)
    assert _pid(session) != first


def test_a_submission_keeps_its_number_when_it_is_sent_again(session: Session) -> None:
    numbers: list[tuple[str, int]] = []

    def exchange(connection: Connection) -> None:
        numbers.append((connection.client, connection.next_sequence()))
        if len(numbers) == 2:
            raise EOFError

    session.run(exchange)
    session.run(exchange)
    session.run(exchange)
    client = numbers[0][0]
    assert numbers == [(client, 1), (client, 2), (client, 2), (client, 3)]


def test_a_request_that_ends_every_node_is_given_up(session: Session) -> None:
    tries = 0

    def exchange(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        raise ConnectionResetError

    with pytest.raises(NodeUnreachableError, match="was lost 3 times under the same request"):
        session.run(exchange)
    assert tries == 3


def test_an_interrupted_request_leaves_no_answer_behind(session: Session) -> None:
    def exchange(connection: Connection) -> None:
        connection.send(messages.NodeStatus())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.run(exchange)
    with pytest.raises(UnknownJobError):
        session.request(messages.GetStatus([[99, 100]]))


def test_a_node_that_stops_is_asked_again(session: Session) -> None:
    first = _pid(session)
    session.request(messages.Stop())
    session.request(messages.GetStatus([]))
    assert _pid(session) != first


def test_closing_ends_what_other_threads_wait_for(session: Session) -> None:
    """A thread that waits when the session is closed is told so, and starts no new node."""
    waiting = threading.Event()
    errors: list[BaseException] = []

    def wait() -> None:
        def exchange(connection: Connection) -> None:
            waiting.set()
            connection.receive()

        try:
            session.run(exchange)
        except CloudException as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait(10)
    assert session.close()
    thread.join(10)
    assert [str(error) for error in errors] == ["The connection was closed while a request was under way"]
    assert not session.close()
    with pytest.raises(CloudException, match="was closed"):
        session.request(messages.NodeStatus())


def test_a_forked_child_makes_its_own_connection(session: Session) -> None:
    pid = _pid(session)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(write, f"{_pid(session)} {len(list(session._connections))}".encode())
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    os.close(write)
    with os.fdopen(read) as answers:
        assert answers.read() == f"{pid} 1"
    assert _pid(session) == pid


def test_many_threads_start_one_node(session: Session) -> None:
    pids: list[int] = []
    threads = [threading.Thread(target=lambda: pids.append(_pid(session))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(pids) == 8
    assert len(set(pids)) == 1


def test_a_stopped_node_is_waited_for(session: Session) -> None:
    """A node that is only slow is not taken for lost."""
    pid = _pid(session)
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(0.3, os.kill, (pid, signal.SIGCONT))
    timer.start()
    began = time.monotonic()
    assert _pid(session) == pid
    assert time.monotonic() - began > 0.2
    timer.join()
