"""A client's dealings with one node: a connection for each thread, a new one where it was lost, the node started when needed."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from picloud.client import lifetime, loading, settings
from picloud.client.autostart import start_node
from picloud.client.connection import Connection
from picloud.client.lifetime import Belongings
from picloud.client.private import PrivateHome
from picloud.client.recent import Finals, Recent
from picloud.exceptions import ConnectionClosedError, NodeStoppingError, NodeUnreachableError
from picloud.model.settings import Settings
from picloud.wire import messages
from picloud.wire.channel import Received
from picloud.wire.frames import Buffer

if TYPE_CHECKING:
    from picloud.client.reports import Reports

RECONNECT_SECONDS = 5.0
"""How long a client tries to reach or start a node after it lost one."""

_MAX_LOSSES = 3
_STEP = 0.01
_LOST = (EOFError, ConnectionError, NodeStoppingError)

_T = TypeVar("_T")


class _Mine(threading.local):
    """What one thread keeps: one connection, if it is not in use; a request inside another one has its own for its time."""

    def __init__(self) -> None:
        self.idle: list[Connection] = []
        self.is_waiting = True


class Session:
    """One node as this process sees it, until `close`."""

    def __init__(self, values: Settings, private: PrivateHome | None = None, reports: Reports | None = None) -> None:
        """Nothing is connected yet; `private` is the home of a node that ends with this session, `reports` are asked for."""
        self.settings = values
        self.reports = reports
        """Where serialization reports go; None if none are asked for."""
        self.home: Path = private.path if private else settings.home_of(values)
        self.hostname = socket.gethostname()
        self.welcome: messages.Welcome | None = None
        """What the node said last; None before the first request."""
        self.closed = False
        self._private = private
        self._known: tuple[str, set[str]] = ("", set())
        self._reset()
        lifetime.at_fork(self)
        lifetime.at_exit(self)

    def _reset(self) -> None:
        self.recent = Recent(self.settings.cloud_result_cache_size << 10)
        """Ends of single jobs that came with submissions or were asked for."""
        self.finals = Finals(self.settings.cloud_status_cache_size)
        """Final statuses that were asked for."""
        self._mine = _Mine()
        self._connections: Belongings[Connection] = Belongings()
        # A signal handler may close the session that its thread just starts a node for.
        self._starting = threading.RLock()

    def note(self, level: str, text: str, *details: object) -> None:
        """Write to the client's log, if one is kept: `level` is a method of `logging.Logger`."""
        if self.settings.save_log:
            with loading.lock:
                from picloud.client import log
            getattr(log.logger(self.settings), level)(text, *details)

    @property
    def is_private(self) -> bool:
        """Whether the node ends with this session."""
        return self._private is not None

    @property
    def is_waiting(self) -> bool:
        """Whether this thread asked for a result since its last submission: then it is likely to ask for the next one's at once."""
        return self._mine.is_waiting

    @is_waiting.setter
    def is_waiting(self, value: bool) -> None:
        self._mine.is_waiting = value

    def request(self, message: messages.Message, body: Sequence[Buffer] = (), timeout: float | None = None) -> Received:
        """Send a message and return the node's answer, by a new node if this one goes.

        Raises:
            CloudException: the node's `Failure`.
            NodeUnreachableError: if no node can be reached or started.
        """
        return self.run(lambda connection: connection.request(message, body, timeout))

    def run(self, exchange: Callable[[Connection], _T]) -> _T:
        """Return what an exchange of messages gives, done again from its start where the node is lost under it."""
        losses = 0
        connection = self._acquire()
        while True:
            client, sequence = connection.client, connection.sequence
            began = time.monotonic()
            try:
                return exchange(connection)
            except _LOST as error:
                connection.broken = True
                self.note("warning", "the node on %s was lost under a request: %r", self.home, error)
                losses = 1 if time.monotonic() - began > RECONNECT_SECONDS else losses + 1
                if self.closed:
                    raise _closed() from error
                if losses >= _MAX_LOSSES:
                    raise NodeUnreachableError(
                        f"The node on {self.home} was lost {losses} times under the same request",
                        hint="see `picloud node logs`",
                    ) from error
            finally:
                self._release(connection)
            connection = self._connect(client, sequence)

    def known_blobs(self, connection: Connection) -> set[str]:
        """Return the hashes of the content that the connection's node has been sent in its life."""
        generation, known = self._known
        if generation != connection.welcome.generation:
            generation, known = self._known = (connection.welcome.generation, set())
        return known

    def open(self) -> messages.Welcome:
        """Connect if this thread has not yet, and return what the node said.

        Raises:
            NodeUnreachableError: if no node can be reached or started.
        """
        connection = self._acquire()
        self._release(connection)
        return connection.welcome

    @property
    def incoming(self) -> Path:
        """The folder for segments that the node does not know yet."""
        welcome = self.welcome or self.open()
        return Path(welcome.home) / "segments" / "incoming"

    def close(self) -> bool:
        """Close all connections, and end the node if it is private; return whether there was anything to close."""
        if self.closed:
            return False
        was_open = self.welcome is not None
        self.closed = True
        if was_open:
            self.note("info", "closing the node on %s" if self._private else "leaving the node on %s", self.home)
        self._drop_idle()
        for connection in self._connections:
            connection.hang_up()
        if self._private is not None:
            with self._starting:  # A node that another thread starts just now is ended too.
                self._private.close()
        return was_open

    def end(self) -> None:
        """Be ready for the end of the interpreter: other threads may go on with a node that does not end with it."""
        if self._private is not None:
            self.close()
        else:
            self._drop_idle()

    def _drop_idle(self) -> None:
        for connection in self._mine.idle:
            connection.close()
        self._mine.idle.clear()

    def _acquire(self) -> Connection:
        idle = self._mine.idle
        if idle:
            return idle.pop()
        if self.closed:
            raise _closed()
        return self._connect(os.urandom(12).hex(), 0)

    def _release(self, connection: Connection) -> None:
        if connection.broken or self.closed or self._mine.idle:
            connection.close()
        else:
            self._mine.idle.append(connection)

    def _connect(self, client: str, sequence: int) -> Connection:
        """Reach the node or start one; the last submission of this client had the number `sequence`.

        Raises:
            NodeUnreachableError: if neither succeeds for `RECONNECT_SECONDS` after a node could have been started.
        """
        deadline = 0.0
        starts = 0
        while True:
            try:
                connection = Connection(self.home, client, sequence, self.is_private)
                break
            except (OSError, EOFError, NodeStoppingError) as error:
                if self.closed:
                    raise _closed() from error
                now = time.monotonic()
                deadline = deadline or now + RECONNECT_SECONDS
                if now > deadline:
                    raise NodeUnreachableError(
                        f"No node on {self.home} can be reached: {error}", hint="see `picloud node logs`"
                    ) from error
            with self._starting:
                if not self.closed and not self._is_listening():
                    self._start()
                    starts += 1
                    if starts <= _MAX_LOSSES:
                        deadline = time.monotonic() + RECONNECT_SECONDS
            if self.closed:
                raise _closed()
            time.sleep(_STEP)
        self._connections.add(connection)
        self.note("debug", "connected to the node on %s, pid %d", self.home, connection.welcome.pid)
        if self.welcome is not None and self.welcome.generation != connection.welcome.generation:
            self.forget_ends()
        self.welcome = connection.welcome
        return connection

    def _start(self) -> None:
        environment = settings.to_environment(self.settings)
        private = self._private
        self.note("info", "starting a node on %s", self.home)
        if private is None:
            start_node(self.home, environment)
            return
        if not private.is_own:
            self.closed = True
            raise NodeUnreachableError(
                f"The private node of process {private.owner} has ended, with its jobs",
                hint="the next use starts a private node of this process's own",
            )
        process = start_node(self.home, environment, private=True, inherited=private.inherited(), log=private.new_log())
        if process is not None:
            private.adopt(process)
        if self.closed:  # A signal handler of this thread has closed it meanwhile.
            private.close()

    def _is_listening(self) -> bool:
        try:
            Connection(self.home, os.urandom(12).hex(), 0, self.is_private).close()
        except (OSError, EOFError, NodeStoppingError):
            return False
        return True

    def forget_ends(self) -> None:
        """Forget what is remembered of ended jobs: some may be deleted."""
        self.recent.clear()
        self.finals.clear()

    def forget_parent(self) -> None:
        """Drop, in a forked child, what belongs to the parent: its connections and its private node stay as they are."""
        for connection in self._connections:
            connection.close()
        self._reset()
        if self.reports is not None:
            self.reports.forget_parent()
        if self._private is not None:
            self._private.disown()
            # A node that the parent has not started yet will be nobody's but the parent's.
            self.closed = self.closed or self.welcome is None


def _closed() -> ConnectionClosedError:
    """Return the error of a request whose session is closed; the interpreter's end closes them under daemon threads."""
    lifetime.hold_daemons()
    return ConnectionClosedError("The connection was closed while a request was under way")
