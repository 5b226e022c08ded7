"""Two versions that meet: which protocol or Python each speaks is said, with what to do, and no job is lost."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from picloud.exceptions import ProtocolError, VersionMismatchError
from picloud.testing.node import stop_home
from picloud.wire.frames import PREFIX, PROTOCOL

from .conftest import picloud


def _frame(version: int, header: object) -> bytes:
    text = json.dumps(header).encode()
    return PREFIX.pack(b"pc", version, 0, len(text), 0, 0) + text


@contextmanager
def _answering(home: Path, answer: bytes) -> Iterator[None]:
    """Stand in for a node of another version: give every client the same answer."""
    (home / "node.sock").unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(home / "node.sock"))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(1 << 16)
                client.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        (home / "node.sock").unlink()


@pytest.mark.parametrize("version", [PROTOCOL - 1, PROTOCOL + 1])
def test_a_node_of_another_version(version: int, cloud: ModuleType, home: Path) -> None:
    jid = cloud.call(abs, -4)
    cloud.join(jid)
    cloud.close()
    assert stop_home(home) == []
    with _answering(home, _frame(version, ["Welcome", "0.0.0", 1])):
        asks: list[Callable[[], object]] = [lambda: cloud.call(abs, -1), lambda: cloud.result(jid)]
        for ask in asks:
            with pytest.raises((VersionMismatchError, ProtocolError)) as caught:
                ask()
            assert f"protocol {version}" in str(caught.value)
            assert f"speaks {PROTOCOL}" in str(caught.value)
            assert caught.value.hint is not None
            assert "restart" in caught.value.hint or "picloud node stop" in caught.value.hint
        assert picloud("status", "1", status=3)["code"] in ("node.version", "node.protocol")
    assert cloud.result(jid) == 4


def test_something_else_listens_on_the_socket(cloud: ModuleType, home: Path) -> None:
    with (
        _answering(home, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        pytest.raises(ProtocolError, match="does not speak picloud's protocol"),
    ):
        cloud.call(abs, -1)


@pytest.mark.parametrize("version", [PROTOCOL - 1, PROTOCOL + 1])
def test_a_client_of_another_version(version: int, cloud: ModuleType, home: Path) -> None:
    """The node's answer is a frame of its own protocol, whose first bytes tell the client which one that is."""
    cloud.result(cloud.call(abs, -1))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(home / "node.sock"))
        client.settimeout(20)
        client.sendall(_frame(version, ["Hello", "0.0.0"]))
        answer = b""
        while more := client.recv(1 << 16):
            answer += more
    magic, spoken, _, length, _, _ = PREFIX.unpack_from(answer)
    assert (magic, spoken) == (b"pc", PROTOCOL)
    kind, facts = json.loads(answer[PREFIX.size : PREFIX.size + length])
    assert kind == "Failure"
    assert f"protocol {version}" in facts["message"]
    assert cloud.result(cloud.call(abs, -2)) == 2


def test_rubbish_on_the_socket_harms_nobody(cloud: ModuleType, home: Path) -> None:
    cloud.result(cloud.call(abs, -1))
    rubbish = [
        b"\0" * 1000,
        b"GET / HTTP/1.1\r\n\r\n" * 10,
        _frame(PROTOCOL, ["Hello"]),
        _frame(PROTOCOL, {"Hello": 1}),
        _frame(PROTOCOL, ["GetStatus", [[1, 2]]]),
        PREFIX.pack(b"pc", PROTOCOL, 0, 0xFFFFFFFF, 1 << 60, 0),
        struct.pack("<20s", b"pc"),
        b"pc",
    ]
    for data in rubbish:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(home / "node.sock"))
            client.settimeout(20)
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            try:
                while client.recv(1 << 16):
                    pass
            except ConnectionResetError:
                continue
    assert cloud.result(cloud.call(abs, -2)) == 2


def test_an_interpreter_that_became_another_one(
    cloud: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment is made anew with another Python while its jobs wait: they end with both versions named."""
    other = _other_python()
    if other is None:
        pytest.skip("there is no Python of another minor version on PATH")
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    gate = tmp_path / "gate"

    def wait() -> None:
        import time

        while not gate.exists():
            time.sleep(0.01)

    first = cloud.call(wait)
    monkeypatch.setattr(sys, "executable", str(python))
    jid = cloud.call(abs, -1, _depends_on=first)
    python.unlink()
    python.symlink_to(other.path)
    gate.touch()
    with pytest.raises(cloud.CloudException) as caught:
        cloud.result(jid)
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in str(caught.value)
    assert f"Python {other.version}" in str(caught.value)
    assert cloud.status(jid) == "error"


class _Python(NamedTuple):
    path: str
    version: str


def _other_python() -> _Python | None:
    """Return an interpreter of another minor version; names on PATH that only say they are one are passed over."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    ask = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    for folder in os.get_exec_path():
        for path in sorted(Path(folder).glob("python3.[0-9]*")):
            if re.fullmatch(r"python3\.\d+", path.name) is None:
                continue
            said = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)
            version, _, found = said.stdout.strip().partition(" ")
            if said.returncode == 0 and version != own and int(version.partition(".")[2]) >= 11:
                return _Python(found, version)
    return None
