"""A blocking conversation over one stream socket: what client, worker and supervisor speak through."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from picloud.exceptions import ProtocolError
from picloud.wire import descriptors as rights
from picloud.wire import messages
from picloud.wire.frames import Buffer, Decoder, prefix

# Larger buffers are mapped and unmapped by malloc at each call, which costs more than the call.
_READ = 1 << 16


class Received(NamedTuple):
    """One message with what came along."""

    message: messages.Message
    """The decoded header."""
    body: bytes
    """Raw bytes."""
    descriptors: list[int]
    """Open descriptors; the receiver owns them."""


class Channel:
    """Messages over a connected Unix stream socket, one thread at a time."""

    __slots__ = ("_decoder", "_held", "_inbox", "socket")

    def __init__(self, sock: socket.socket) -> None:
        """Own the socket."""
        self.socket = sock
        self._decoder = Decoder()
        self._held: list[int] = []
        self._inbox: deque[Received] = deque()

    def fileno(self) -> int:
        """Return the socket's descriptor, so that a selector can wait for it."""
        return self.socket.fileno()

    def send(self, message: messages.Message, body: Sequence[Buffer] = (), descriptors: Sequence[int] = ()) -> None:
        """Send a message, its body's parts and descriptors.

        Raises:
            OSError: if the peer is gone.
        """
        length = sum(len(part) for part in body)
        head = prefix(messages.encode(message), length, len(descriptors))
        if length and length < _READ:
            head = b"".join((head, *body))
            body = ()
        if descriptors:
            sent = rights.send_some(self.socket, memoryview(head), descriptors)
            if sent < len(head):
                self.socket.sendall(memoryview(head)[sent:])
        else:
            self.socket.sendall(head)
        for part in body:
            self.socket.sendall(part)

    def receive(self) -> Received:
        """Wait for the next message.

        Raises:
            EOFError: if the peer closed the stream.
            ProtocolError: if what came is not of the protocol.
            OSError: as of recv(2), a timeout of the socket included.
        """
        while not self._inbox:
            data, received = rights.receive_some(self.socket, max(_READ, min(self._decoder.wanted, 16 << 20)))
            self._held += received
            if not data:
                raise EOFError("the peer closed the connection")
            self._take(data)
        return self._inbox.popleft()

    def pending(self) -> bool:
        """Return whether a whole message has been read and not yet received."""
        return bool(self._inbox)

    def _take(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if frame.descriptors > len(self._held):
                raise ProtocolError("A frame announced descriptors that did not come")
            own, self._held = self._held[: frame.descriptors], self._held[frame.descriptors :]
            self._inbox.append(Received(messages.decode(frame.header), frame.body, own))

    def request(
        self, message: messages.Message, body: Sequence[Buffer] = (), descriptors: Sequence[int] = ()
    ) -> Received:
        """Send a message and wait for the next one."""
        self.send(message, body, descriptors)
        return self.receive()

    def close(self) -> None:
        """Close the socket and descriptors that nobody received."""
        self.socket.close()
        rights.close_all(self._held)
        for received in self._inbox:
            rights.close_all(received.descriptors)
        self._held, self._inbox = [], deque()
