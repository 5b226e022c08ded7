"""One conversation with a node over its socket; used by one thread at a time."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from picloud import __version__
from picloud.exceptions import CloudException, HomeError, NodeUnreachableError, from_wire
from picloud.wire import messages
from picloud.wire.channel import Channel, Received
from picloud.wire.descriptors import close_all
from picloud.wire.frames import Buffer

SOCKET_NAME = "node.sock"
"""The listening socket in the home."""

_ADDRESS_ROOM = 100
"""Bytes of path that surely fit into a socket address (unix(7): 108)."""


class BlobMissingError(CloudException):
    """The node does not know content that it was sent in its life: it is sent again."""

    code = "blob.missing"


class Connection:
    """A greeted connection.

    It is `broken` from the first byte of a request to the last one of its answer: an exception in between (a lost node, Ctrl-C,
    a timeout) leaves answers in the stream that belong to nobody, so that it can only be closed.
    """

    __slots__ = ("__weakref__", "broken", "channel", "client", "sequence", "welcome")

    def __init__(self, home: Path, client: str, sequence: int, attached: bool) -> None:
        """Connect to the node of a home and greet it; `client` and `sequence` go on from a connection that was lost.

        Raises:
            OSError: if nobody listens.
            EOFError: if the node goes while it is greeted.
            HomeError: if the home belongs to another user.
            CloudException: what the node says to a greeting.
        """
        self.broken = True
        self.client = client
        self.sequence = sequence
        self.channel = Channel(_connect(home))
        try:
            self.welcome = self._greet(home, attached)
        except BaseException:
            self.close()
            raise

    def _greet(self, home: Path, attached: bool) -> messages.Welcome:
        worker = _own_worker(home)
        hello = messages.Hello(
            version=__version__, client=self.client, pid=os.getpid(), worker=worker, attached=attached
        )
        welcome = messages.expect(self.request(hello).message, messages.Welcome)
        if worker is not None and welcome.generation != os.environ.get("PICLOUD_GENERATION"):
            hello = messages.Hello(hello.version, hello.client, hello.pid, None, attached)
            welcome = messages.expect(self.request(hello).message, messages.Welcome)
        return welcome

    def send(self, message: messages.Message, body: Sequence[Buffer] = ()) -> None:
        """Send a message whose answer, if it has one, is received later."""
        self.broken = True
        self.channel.send(message, body)

    def receive(self, timeout: float | None = None) -> Received:
        """Receive the last answer that is outstanding.

        Raises:
            CloudException: the node's `Failure`.
            NodeUnreachableError: if the node is silent for `timeout` seconds.
        """
        if timeout is not None:
            self.channel.socket.settimeout(timeout)
        try:
            received = self.channel.receive()
        except TimeoutError as error:
            raise NodeUnreachableError(
                f"The node has said nothing for {timeout:.0f} s", hint="see `picloud node status`"
            ) from error
        if timeout is not None:
            self.channel.socket.settimeout(None)
        self.broken = False
        if isinstance(received.message, messages.Failure):
            close_all(received.descriptors)
            facts = received.message.facts
            if facts.get("code") == BlobMissingError.code:
                raise BlobMissingError(facts.get("message", ""))
            raise from_wire(facts)
        return received

    def request(self, message: messages.Message, body: Sequence[Buffer] = (), timeout: float | None = None) -> Received:
        """Send a message and receive its answer, as `receive` does."""
        self.send(message, body)
        return self.receive(timeout)

    def next_sequence(self) -> int:
        """Return the number of the next submission on this connection."""
        self.sequence += 1
        return self.sequence

    def hang_up(self) -> None:
        """End the conversation from another thread: the owner's read ends; the descriptor stays his."""
        try:
            self.channel.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        """Close the socket."""
        self.broken = True
        self.channel.close()

    def __del__(self) -> None:
        """Close the socket with the thread that owned the connection."""
        if hasattr(self, "channel"):
            self.channel.close()


def _connect(home: Path) -> socket.socket:
    """Return a socket connected to the node of a home, however long the home's path is."""
    try:
        owner = home.stat().st_uid
    except FileNotFoundError as error:
        raise ConnectionRefusedError(f"{home} does not exist") from error
    if owner != os.geteuid():
        raise HomeError(
            f"PICLOUD_HOME {home} belongs to user {owner}, not to you (user {os.geteuid()})",
            hint="set PICLOUD_HOME to a folder of your own",
        )
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        address = str(home / SOCKET_NAME)
        if len(os.fsencode(address)) <= _ADDRESS_ROOM:
            sock.connect(address)
        else:
            folder = os.open(home, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                sock.connect(f"/proc/self/fd/{folder}/{SOCKET_NAME}")
            finally:
                os.close(folder)
    except BaseException:
        sock.close()
        raise
    return sock


def _own_worker(home: Path) -> int | None:
    """Return the worker that this process is or belongs to, if it works for the node of this home."""
    worker = os.environ.get("PICLOUD_WORKER", "")
    if not worker.isdecimal() or os.environ.get("PICLOUD_HOME") != str(home):
        return None
    return int(worker)
