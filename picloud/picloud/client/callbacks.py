"""Callbacks of jobs: one thread and one connection for all that are pending, and neither when there are none.

::

    call ──add──▶ pending ──Watch──▶ node
                     │                 │
    callbacks ◀── thread ◀───Ended─────┘

The node tells of each end as it happens, so nothing is asked twice; where it was lost, all that is still pending is named anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from picloud.client import lifetime
from picloud.client.connection import Connection
from picloud.client.log import logger
from picloud.client.session import Session
from picloud.model import job
from picloud.wire import messages

Callback = Callable[..., Any]
"""Called with the jid if it takes a positional argument, else with nothing."""

CLOSE_SECONDS = 1.0
"""How long `close` waits for a callback that runs."""


class _Lists(NamedTuple):
    """What one job's end calls."""

    done: Sequence[Callback]
    failed: Sequence[Callback]


class Callbacks:
    """The pending callbacks of one session."""

    def __init__(self, session: Session) -> None:
        """Have none; `session` is how the node is reached."""
        self.session = session
        self.forget_parent()
        lifetime.at_fork(self)
        lifetime.at_exit(self)

    def forget_parent(self) -> None:
        """Have none, as a forked child has none of its parent's."""
        self._lock = threading.RLock()
        self._pending: dict[int, _Lists] = {}
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    def add(self, jid: int, done: Sequence[Callback], failed: Sequence[Callback]) -> None:
        """Have `done` called when the job ends as done, `failed` when it ends otherwise, one after the other, in a thread."""
        with self._lock:
            self._pending[jid] = _Lists(done, failed)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="picloud-callbacks", daemon=True)
                self._thread.start()
            elif self._connection is not None:
                try:
                    self._connection.send(messages.Watch([jid]))
                except OSError:
                    # The thread finds the connection lost as well, and names all that is pending on the next one.
                    return

    def drop(self) -> None:
        """Forget what is pending; a callback that runs goes on."""
        with self._lock:
            self._pending.clear()

    def end(self) -> None:
        """Forget what is pending: the interpreter ends."""
        self.drop()

    def wait(self) -> None:
        """Wait, for `CLOSE_SECONDS` at most, until the thread has ended; a callback may ask for this too."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        """Be the thread."""
        try:
            self.session.run(self._watch)
        except Exception:
            with self._lock:
                jids = list(self._pending)
                self._pending.clear()
                self._thread = None
            if jids and not self.session.closed:
                logger(self.session.settings).exception(
                    "The callbacks of %d jobs, %d the first, are dropped", len(jids), jids[0]
                )

    def _watch(self, connection: Connection) -> None:
        """Name what is pending and call back, until nothing is pending any more."""
        with self._lock:
            self._connection = connection
            connection.send(messages.Watch(list(self._pending)))
        try:
            while not self._is_over():
                ended = messages.expect(connection.receive().message, messages.Ended)
                for jid, code in ended.ends:
                    self._call_back(jid, code)
        finally:
            # Answers to what was named last may still come: it is closed, and serves nothing else.
            connection.broken = True
            with self._lock:
                # Once this thread is over, another one may have begun already.
                if self._connection is connection:
                    self._connection = None

    def _is_over(self) -> bool:
        """Return whether this thread may end; from then on the next callback starts another."""
        with self._lock:
            if self._thread is not threading.current_thread():
                # A callback has forked, and this is the child, which has none of its parent's.
                return True
            if self._pending:
                return False
            self._thread = None
            return True

    def _call_back(self, jid: int, code: int) -> None:
        with self._lock:
            lists = self._pending.pop(jid, None)
        if lists is None:
            return
        if not 0 <= code < len(job.BY_CODE):
            logger(self.session.settings).warning("Job %d was deleted before its callbacks could be called", jid)
            return
        for callback in lists.done if code == job.DONE else lists.failed:
            try:
                callback(*((jid,) if takes_jid(callback) else ()))
            except BaseException:
                # SystemExit too: it would end the thread, and with it the callbacks of all other jobs.
                logger(self.session.settings).exception(
                    "Callback %s of job %d raised an exception", name_of(callback), jid
                )


def takes_jid(callback: Callback) -> bool:
    """Return whether a callable takes a positional argument; so does one that does not tell, as some of C's."""
    import inspect

    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return True
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(each.kind in positional or each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters)


def name_of(callback: Callback) -> str:
    """Return a callable's name, or that of its type."""
    name = getattr(callback, "__qualname__", None)
    return name if isinstance(name, str) else f"of type {type(callback).__qualname__}"
