"""One non-blocking conversation on the node's loop: a client, a supervisor or a worker at the other end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from picloud.exceptions import ProtocolError, StoreCorruptError
from picloud.wire import descriptors as rights
from picloud.wire import messages
from picloud.wire.channel import Received
from picloud.wire.frames import Buffer, Decoder, prefix

_READ = 1 << 16
_READ_MUCH = 1 << 20
_JOIN = 1 << 16
_log = logging.getLogger(__name__)


class Link:
    """Messages over a connected stream socket, read and written when the loop says so."""

    __slots__ = (
        "_decoder",
        "_held",
        "_loop",
        "_on_close",
        "_on_message",
        "_out",
        "_takes_rights",
        "_writing",
        "closed",
        "socket",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        on_message: Callable[[Received], None],
        on_close: Callable[[], None],
        *,
        takes_descriptors: bool = False,
    ) -> None:
        """Own the socket and begin to read.

        `on_close` is called once, when the peer is gone or breaks the protocol, and not when `close` is called here.
        """
        sock.setblocking(False)
        self.socket = sock
        self.closed = False
        self._loop = loop
        self._decoder = Decoder()
        self._held: list[int] = []
        self._on_message = on_message
        self._on_close = on_close
        self._out: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._takes_rights = takes_descriptors
        self._writing = False
        loop.add_reader(sock.fileno(), self.read)

    def send(self, message: messages.Message, body: Sequence[Buffer] = (), descriptors: Sequence[int] = ()) -> None:
        """Send a message, or queue what the kernel does not take now; the descriptors are closed once they are sent."""
        if self.closed:
            rights.close_all(descriptors)
            return
        length = sum(map(len, body))
        head = prefix(messages.encode(message), length, len(descriptors))
        if length <= _JOIN:
            self._put(b"".join((head, *body)), tuple(descriptors))
            return
        self._put(head, tuple(descriptors))
        for part in body:
            self._put(part, ())

    def backlog(self) -> int:
        """Return the bytes that wait to be sent."""
        return sum(len(data) for data, _ in self._out)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self.socket.fileno()

    def read(self) -> None:
        """Read and handle what has arrived, without waiting for the loop to say so."""
        self._read_once()

    def drain(self) -> None:
        """Read and handle all that has arrived; used when the peer has ended and its last words count."""
        while not self.closed and self._read_once():
            pass

    def close(self) -> None:
        """Close the socket without telling anybody; queued data is dropped."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self.socket.fileno())
        if self._writing:
            self._loop.remove_writer(self.socket.fileno())
        self.socket.close()
        rights.close_all(self._held)
        for _, descriptors in self._out:
            rights.close_all(descriptors)
        self._out.clear()

    def _put(self, data: Buffer, descriptors: tuple[int, ...]) -> None:
        view = memoryview(data)
        if not self._out:
            view, descriptors = self._write(view, descriptors)
            if not view or self.closed:
                return
        self._out.append((view, descriptors))
        if not self._writing:
            self._writing = True
            self._loop.add_writer(self.socket.fileno(), self._writable)

    def _write(self, view: memoryview, descriptors: tuple[int, ...]) -> tuple[memoryview, tuple[int, ...]]:
        try:
            if descriptors:
                sent = rights.send_some(self.socket, view, descriptors)
                rights.close_all(descriptors)
                descriptors = ()
            else:
                sent = self.socket.send(view)
        except (BlockingIOError, InterruptedError):
            return view, descriptors
        except OSError:
            # The reader sees the end too, and it alone reports it: what the peer said before it died still counts.
            rights.close_all(descriptors)
            return memoryview(b""), ()
        return view[sent:], descriptors

    def _writable(self) -> None:
        while self._out:
            view, descriptors = self._out.popleft()
            view, descriptors = self._write(view, descriptors)
            if view:
                self._out.appendleft((view, descriptors))
                return
        self._writing = False
        self._loop.remove_writer(self.socket.fileno())

    def _read_once(self) -> bool:
        """Read what one call gives; return whether there may be more."""
        try:
            # Small buffers come from the allocator's pools; large ones would be mapped anew for each read.
            size = _READ if self._decoder.wanted <= _READ else _READ_MUCH
            if self._takes_rights:
                data, received = rights.receive_some(self.socket, size)
                self._held += received
            else:
                data = self.socket.recv(size)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self._lost()
            return False
        try:
            for frame in self._decoder.feed(data):
                if frame.descriptors > len(self._held):
                    raise ProtocolError("A frame announced descriptors that did not come")
                own, self._held = self._held[: frame.descriptors], self._held[frame.descriptors :]
                self._on_message(Received(messages.decode(frame.header), frame.body, own))
                if self.closed:
                    return False
        except ProtocolError as error:
            _log.warning("closing a connection: %s", error)
            self.send(messages.Failure(error.to_wire()))
            self._lost()
            return False
        return True

    def _lost(self) -> None:
        if not self.closed:
            self.close()
            self._on_close()


def peer_uid(sock: socket.socket) -> int:
    """Return the effective user id of the process that connected (SO_PEERCRED, unix(7))."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], "little")


def open_segments(folder: Path, names: Sequence[str]) -> list[int]:
    """Return read-only descriptors of segments, to be sent.

    Raises:
        StoreCorruptError: naming the first that cannot be opened; none stays open then.
    """
    opened: list[int] = []
    for name in names:
        try:
            opened.append(os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            rights.close_all(opened)
            raise StoreCorruptError(
                f"The segment {name} that a job needs cannot be opened: {error.strerror}",
                hint="look with `picloud node check`, and restore it from a backup",
            ) from error
    return opened
