"""Clients' connections: greeting, requests to their handlers, errors back as facts."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from picloud import __version__
from picloud.exceptions import CloudException, NodeStoppingError, ProtocolError
from picloud.node.link import Link, peer_uid
from picloud.wire import messages
from picloud.wire.channel import Received
from picloud.wire.frames import Buffer

_log = logging.getLogger(__name__)


class Session:
    """One client's connection; its requests are answered one after the other."""

    __slots__ = ("_fault", "_server", "client", "link", "on_close", "parts", "resumed", "worker")

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        """Begin to read requests."""
        self._server = server
        self._fault: CloudException | None = None
        self.client = ""
        """The connection's own id, '' before the greeting."""
        self.resumed = True
        """Whether its client may have submitted something over an earlier connection."""
        self.worker: int | None = None
        """The worker that it comes from, if it is job code."""
        self.parts: list[tuple[int, bytes]] = []
        """Arguments of the submission under way: (index of the first item, record)."""
        self.on_close: Callable[[], None] | None = None
        """What to undo if the client goes while its request waits."""
        self.link = Link(loop, sock, self._received, self._closed)

    def reply(self, message: messages.Message, body: Sequence[Buffer] = (), descriptors: Sequence[int] = ()) -> None:
        """Answer the request."""
        self.on_close = None
        self.link.send(message, body, descriptors)

    def fail(self, error: CloudException) -> None:
        """Answer the request with an error."""
        self.reply(messages.Failure(error.to_wire()))

    def guarded(self, action: Callable[[], None]) -> Callable[[], None]:
        """Return the action, with its errors answered as facts instead of raised: it runs after the request's own turn."""

        def run() -> None:
            try:
                action()
            except CloudException as error:
                self.fail(error)
            except Exception as error:
                _log.exception("a deferred answer failed")
                self.fail(CloudException(f"The node failed: {error!r}", hint="see `picloud node logs`"))

        return run

    def _received(self, received: Received) -> None:
        message = received.message
        self._server.requests += 1
        try:
            if isinstance(message, messages.Hello):
                self._server.greet(self, message)
                return
            if not self.client:
                raise ProtocolError("A connection begins with Hello")
            handler = self._server.handlers.get(type(message))
            if handler is None:
                raise ProtocolError(f"A client does not send {type(message).__name__}")
            if isinstance(message, messages.Submit) and self._fault is not None:
                fault, self._fault, self.parts = self._fault, None, []
                raise fault
            if self._server.stopping and not isinstance(message, messages.NodeStatus):
                raise NodeStoppingError("The node is closing", hint="ask again: the next node starts by itself")
            handler(self, received)
        except CloudException as error:
            self._refuse(message, error)
        except Exception as error:
            _log.exception("request %s failed", type(message).__name__)
            self._refuse(
                message,
                CloudException(
                    f"The node failed at {type(message).__name__}: {error!r}", hint="see `picloud node logs`"
                ),
            )

    def _refuse(self, message: messages.Message, error: CloudException) -> None:
        """Answer with an error; what has no answer of its own fails the submission that it was sent for."""
        if isinstance(message, (messages.Blob, messages.Part)) and self.client:
            self._fault = self._fault or error
        else:
            self.fail(error)

    def _closed(self) -> None:
        undo, self.on_close = self.on_close, None
        self._server.sessions.discard(self)
        if undo is not None:
            undo()


Handler = Callable[[Session, Received], None]


class Server:
    """The listening socket and all sessions."""

    def __init__(self, loop: asyncio.AbstractEventLoop, facts: Mapping[str, Any], knows: Callable[[str], bool]) -> None:
        """Greet clients with `facts`: generation, home, durability, cpus, limits; `knows` tells clients that come again."""
        self._knows = knows
        self._loop = loop
        self._facts = facts
        self._listener: socket.socket | None = None
        self.handlers: dict[type[messages.Message], Handler] = {}
        self.sessions: set[Session] = set()
        self.stopping = False
        self.requests = 0
        """Requests since the start."""

    def listen(self, listener: socket.socket) -> None:
        """Accept clients from a bound, listening socket."""
        listener.setblocking(False)
        self._listener = listener
        self._loop.add_reader(listener.fileno(), self._accept)

    def close_listener(self) -> None:
        """Accept no more clients."""
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def close(self) -> None:
        """Close all sessions."""
        self.close_listener()
        for session in list(self.sessions):
            session.link.close()
        self.sessions.clear()

    def greet(self, session: Session, hello: messages.Hello) -> None:
        """Take a client in."""
        if not re.fullmatch(r"[\w.-]{1,100}", hello.client, re.ASCII):
            raise ProtocolError("A client's id has 1 to 100 letters, digits, dots, dashes and underscores")
        session.client = hello.client
        session.worker = hello.worker
        session.resumed = self._knows(hello.client)
        session.reply(
            messages.Welcome(
                version=__version__,
                pid=os.getpid(),
                generation=self._facts["generation"],
                home=self._facts["home"],
                durability=self._facts["durability"],
                cpus=self._facts["cpus"],
                limits=self._facts["limits"],
            )
        )

    def _accept(self) -> None:
        if self._listener is None:
            return
        for _ in range(64):
            try:
                sock, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                _log.warning("a connection could not be accepted: %s", error)
                return
            if peer_uid(sock) not in (os.geteuid(), 0):
                _log.warning("refused a connection of user %d", peer_uid(sock))
                sock.close()
                continue
            self.sessions.add(Session(self, self._loop, sock))
