"""The contract of a place, as tests: subclass `PlaceContract` where pytest finds it, and give it a place.

::

    class TestLighthouse(PlaceContract):
        def place(self) -> Place:
            return LighthousePlace("harbour")

The supervisors here are short Python programs that speak to the test over their stream.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from picloud.exceptions import BackendError
from picloud.hooks import FD, Place, SupervisorSpec

if TYPE_CHECKING:
    from picloud.hooks import SupervisorStream

_PREAMBLE = "import os, socket, sys, time; stream = socket.socket(fileno=int(sys.argv[1]))\n"
_ECHO = """
while data := stream.recv(65536):
    stream.sendall(data)
"""
_UNTIL_EOF = "while stream.recv(65536): pass\n"
_BULK = 4 << 20


class PlaceContract:
    """What every place must do. Override `place`, and the rest only where the place is elsewhere."""

    interpreter = sys.executable
    """A Python of 3.11 or later at the place."""
    folder = "/tmp"  # noqa: S108 - nothing is written there; it only has to exist
    """A folder that exists at the place and is not where supervisors start by themselves."""
    patience = 20.0
    """Seconds within which anything asked of the place must have happened."""

    def place(self) -> Place:
        """Return the place to test."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return what the interpreter needs in its environment to start."""
        return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}

    @contextmanager
    def supervisor(
        self, program: str, *, cwd: str | None = None, log: str | None = None, **variables: str
    ) -> Iterator[tuple[SupervisorStream, socket.socket]]:
        """Start a program as supervisor; give its stream and, for reading and writing, a socket of the same connection."""
        spec = SupervisorSpec(
            argv=(self.interpreter, "-S", "-c", _PREAMBLE + program, FD),
            environment=self.environment() | variables,
            cwd=cwd,
            key="contract",
            log=log,
        )
        stream = self.place().start(spec)
        try:
            with socket.socket(fileno=os.dup(stream.fileno())) as channel:
                channel.settimeout(self.patience)
                yield stream, channel
        finally:
            stream.close()
            stream.kill()
            assert stream.wait(self.patience) is not None, "kill() did not end the supervisor"

    def test_has_a_name(self) -> None:
        """Jobs and messages name the place."""
        assert self.place().name

    def test_bytes_travel_both_ways(self) -> None:
        """The stream is a connected stream socket without message borders, and holds more than a socket's buffer."""
        sent = os.urandom(1 << 16) * (_BULK >> 16)
        received = bytearray()
        with self.supervisor(_ECHO) as (stream, channel):
            assert channel.type == socket.SOCK_STREAM
            assert stream.fileno() >= 0
            channel.setblocking(False)
            left = memoryview(sent)
            while len(received) < len(sent):
                readable, writable, _ = select.select([channel], [channel] if left else [], [], self.patience)
                assert readable or writable, f"the stream stood still after {len(received)} of {len(sent)} bytes"
                if readable:
                    received += channel.recv(65536)
                if writable:
                    left = left[channel.send(left[:65536]) :]
        assert received == sent

    def test_descriptors_travel_if_the_place_says_so(self) -> None:
        """Open files go both ways over the stream; a place that cannot do it says so."""
        if not self.place().capabilities.descriptors:
            return
        program = """
_, (received,), _, _ = socket.recv_fds(stream, 1, 1)
os.write(received, b"through a pipe")
os.close(received)
mine, theirs = os.pipe()
socket.send_fds(stream, [b"x"], [mine])
os.write(theirs, b"and back")
"""
        reader, writer = os.pipe()
        with self.supervisor(program) as (_, channel), os.fdopen(reader, "rb") as pipe:
            socket.send_fds(channel, [b"x"], [writer])
            os.close(writer)
            assert pipe.read() == b"through a pipe"
            _, (received,), _, _ = socket.recv_fds(channel, 1, 1)
            with os.fdopen(received, "rb") as other:
                assert other.read() == b"and back"

    def test_end_of_the_supervisor_ends_the_stream(self) -> None:
        """What it said before its end is still delivered, then comes the end of the stream."""
        with self.supervisor("stream.sendall(b'last words'); os._exit(7)") as (stream, channel):
            assert _read_all(channel) == b"last words"
            assert stream.wait(self.patience) == 7

    def test_closing_ends_the_supervisors_input(self) -> None:
        """The supervisor learns from its stream that the node is gone, however the node went."""
        with self.supervisor(_UNTIL_EOF + "os._exit(5)") as (stream, channel):
            channel.close()
            stream.close()
            stream.close()
            assert stream.wait(self.patience) == 5

    def test_supervisors_do_not_hold_each_others_streams(self) -> None:
        """A later supervisor keeps no copy of an earlier one's stream, or neither end would be noticed."""
        with self.supervisor(_UNTIL_EOF) as (first, channel), self.supervisor(_UNTIL_EOF) as (second, _):
            channel.close()
            first.close()
            assert first.wait(self.patience) == 0
            assert second.wait(0.0) is None

    def test_kill_ends_a_supervisor_that_does_not_listen(self) -> None:
        """No signal handler and no blocking call of the supervisor delays it; what has ended may be killed again."""
        program = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
stream.sendall(b"ready")
time.sleep(3600)
"""
        with self.supervisor(program) as (stream, channel):
            assert channel.recv(5) == b"ready"
            stream.kill()
            assert _read_all(channel) == b""
            assert stream.wait(self.patience) == -signal.SIGKILL
            stream.kill()

    def test_wait_gives_up_at_its_timeout(self) -> None:
        """A supervisor that runs has no status."""
        with self.supervisor(_UNTIL_EOF) as (stream, _):
            assert stream.wait(0.0) is None
            assert stream.wait(0.01) is None

    def test_environment_arrives_and_the_nodes_own_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The specification's environment is the whole of it."""
        monkeypatch.setenv("PICLOUD_CONTRACT_NODE", "private")
        program = "stream.sendall(repr([os.environ.get('PICLOUD_CONTRACT_' + n) for n in ('SPEC', 'NODE')]).encode())"
        with self.supervisor(program, PICLOUD_CONTRACT_SPEC="a b=ü\n'") as (_, channel):
            assert _read_all(channel).decode() == repr(["a b=ü\n'", None])

    def test_starts_in_the_given_folder(self) -> None:
        """Without a folder it starts in the root, so that it keeps no mounted volume busy."""
        program = "stream.sendall(os.getcwd().encode())"
        with self.supervisor(program, cwd=self.folder) as (_, channel):
            assert _read_all(channel).decode() == os.path.realpath(self.folder)
        with self.supervisor(program) as (_, channel):
            assert _read_all(channel) == b"/"

    def test_output_is_kept_in_the_log(self, tmp_path: Path) -> None:
        """What a supervisor prints when it fails is appended to the file, which only its owner can read."""
        log = tmp_path / "supervisor.log"
        for word in ("first", "second"):
            with self.supervisor(f"print('{word}', file=sys.stderr)", log=str(log)) as (_, channel):
                assert _read_all(channel) == b""
        deadline = time.monotonic() + self.patience
        while log.read_text() != "first\nsecond\n" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert log.read_text() == "first\nsecond\n"
        assert log.stat().st_mode & 0o077 == 0

    def test_signals_for_the_nodes_terminal_miss_it(self) -> None:
        """A supervisor has a session of its own: Ctrl-C beside it is not meant for it."""
        with self.supervisor("stream.sendall(str(os.getsid(0) == os.getpid()).encode())") as (_, channel):
            assert _read_all(channel) == b"True"

    def test_a_command_that_does_not_exist_is_refused(self) -> None:
        """Starting fails with the name of what could not be run, and leaves no descriptor behind."""
        before = _descriptors()
        spec = SupervisorSpec(argv=("/nonexistent/python", FD), environment=self.environment(), key="contract")
        with pytest.raises(BackendError, match="/nonexistent/python"):
            self.place().start(spec)
        assert _descriptors() == before

    def test_a_folder_that_does_not_exist_is_refused(self) -> None:
        """Starting fails with the name of the folder, and leaves no descriptor behind."""
        before = _descriptors()
        spec = SupervisorSpec(
            argv=(self.interpreter, "-c", "", FD),
            environment=self.environment(),
            cwd="/nonexistent/folder",
            key="contract",
        )
        with pytest.raises(BackendError, match="/nonexistent/folder"):
            self.place().start(spec)
        assert _descriptors() == before


def _read_all(channel: socket.socket) -> bytes:
    """Return everything up to the end of the stream."""
    parts = bytearray()
    while part := channel.recv(65536):
        parts += part
    return bytes(parts)


def _descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
