"""Ports of process trees, on real sockets of this process and its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from picloud.node import listening

from .conftest import until


def _bound(stack: ExitStack, kind: socket.SocketKind, address: str, family: int = socket.AF_INET) -> socket.socket:
    sock = stack.enter_context(socket.socket(family, kind))
    sock.bind((address, 0))
    if kind is socket.SOCK_STREAM:
        sock.listen()
    return sock


def _port(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def test_listening_sockets_with_their_addresses() -> None:
    with ExitStack() as stack:
        loopback = _bound(stack, socket.SOCK_STREAM, "127.0.0.1")
        everywhere = _bound(stack, socket.SOCK_STREAM, "0.0.0.0")
        datagrams = _bound(stack, socket.SOCK_DGRAM, "127.0.0.2")
        found = listening.listening(os.getpid())
        assert found["tcp"][_port(loopback)] == "127.0.0.1"
        assert found["tcp"][_port(everywhere)] == "127.0.0.1"
        assert found["udp"][_port(datagrams)] == "127.0.0.2"
        assert _port(datagrams) not in found["tcp"]


def test_sockets_that_wait_for_nobody_are_none() -> None:
    """Neither a connection nor a socket that is bound and does not listen can be reached."""
    with ExitStack() as stack:
        server = _bound(stack, socket.SOCK_STREAM, "127.0.0.1")
        one = stack.enter_context(socket.create_connection(server.getsockname()))
        bound = stack.enter_context(socket.socket())
        bound.bind(("127.0.0.1", 0))
        found = listening.listening(os.getpid())["tcp"]
        assert _port(server) in found
        assert _port(one) not in found
        assert _port(bound) not in found


def test_what_a_process_closed_is_gone() -> None:
    with ExitStack() as stack:
        port = _port(_bound(stack, socket.SOCK_STREAM, "127.0.0.1"))
        assert port in listening.listening(os.getpid())["tcp"]
    assert port not in listening.listening(os.getpid())["tcp"]


GRANDCHILD = "import socket, time; s = socket.socket(); s.listen(); time.sleep(60)"
CHILD = f"import subprocess, sys; subprocess.call([sys.executable, '-c', {GRANDCHILD!r}])"


def test_a_grandchilds_port_belongs_to_the_tree() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD]) as child:
        try:
            until(lambda: listening.listening(child.pid)["tcp"], "it listens")
            ((port, address),) = listening.listening(child.pid)["tcp"].items()
            socket.create_connection((address, port)).close()
            assert len(listening.tree(child.pid)) == 2
            assert port in listening.listening(os.getpid())["tcp"]
        finally:
            for pid in reversed(listening.tree(child.pid)):
                os.kill(pid, signal.SIGKILL)


def test_a_kernel_without_lists_of_children(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> list[int]:
        raise FileNotFoundError

    monkeypatch.setattr(listening, "_children", refuse)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in listening.tree(os.getpid())


def test_a_process_that_is_gone_listens_on_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert not Path(f"/proc/{child.pid}").exists()
    assert listening.listening(child.pid) == {"tcp": {}, "udp": {}}


def _written(address: str) -> str:
    """Return an address as it stands in /proc/net."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fe80::1:2", "2001:db8::ff00:42:8329"])
def test_addresses_are_read_as_the_kernel_writes_them(address: str) -> None:
    assert listening.readable(_written(address)) == address


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::ffff:0.0.0.0"])
def test_every_address_is_reached_over_loopback(address: str) -> None:
    assert listening.readable(_written(address)) == "127.0.0.1"


def test_a_mapped_address_is_the_one_it_stands_for() -> None:
    assert listening.readable(_written("::ffff:10.0.0.7")) == "10.0.0.7"
