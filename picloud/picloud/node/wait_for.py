"""Waiting for what a job is about to do: reach a status, listen on a port.

That a job ends is known at once.  What it does before, such as taking its ticket, tells the node nothing: while somebody waits
for that, and only then, the node looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from picloud.exceptions import ArgumentValueError, CloudException
from picloud.model import job
from picloud.model.ids import JidRange
from picloud.node.listening import listening
from picloud.node.reactor import Reactor
from picloud.node.reads import Reader
from picloud.node.sessions import Handler, Session
from picloud.node.waiting import OpenWait
from picloud.node.waits import Mode, Waiter
from picloud.wire import messages
from picloud.wire.channel import Received

STATUS_PAUSE = 0.005
"""Seconds between looks at a status, which is in the node's memory."""
PORT_PAUSE = 0.03
"""Seconds between looks at the sockets of a process tree, at least."""
SHARE = 20
"""A look costs at most one part in so many of the node's time: where one takes long, the next comes later."""


class WaitFor:
    """Handles `AwaitStatus` and `AwaitPort`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reactor: Reactor, reader: Reader) -> None:
        """Look at the reactor's jobs and workers."""
        self._loop = loop
        self._reactor = reactor
        self._reader = reader

    def handlers(self) -> dict[type[messages.Message], Handler]:
        """Return what this part answers."""
        return {messages.AwaitStatus: self._await_status, messages.AwaitPort: self._await_port}

    def _await_status(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.AwaitStatus)
        jid = message.jid

        def reached() -> bool:
            code = self._code(jid)
            return code in message.codes or job.is_finished(code)

        def answer() -> None:
            session.reply(messages.Statuses(), (bytes((self._code(jid),)),))

        self._until(session, jid, reached, STATUS_PAUSE, message.timeout, answer)

    def _await_port(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.AwaitPort)
        jid = message.jid
        address: str | None = None

        def reached() -> bool:
            nonlocal address
            worker = self._reader.worker_of(jid)
            if worker is not None:
                address = listening(worker.pid).get(message.protocol, {}).get(message.port)
            return address is not None

        def answer() -> None:
            session.reply(messages.Port(address, self._code(jid)))

        self._until(session, jid, reached, PORT_PAUSE, message.timeout, answer)

    def _code(self, jid: int) -> int:
        (piece,) = self._reader.pieces([(jid, jid + 1)])
        return self._reader.codes(piece)[0]

    def _until(
        self,
        session: Session,
        jid: int,
        reached: Callable[[], bool],
        pause: float,
        timeout: float | None,
        answer: Callable[[], None],
    ) -> None:
        """Answer once `reached` is true, the job has ended, or the time is over.

        Raises:
            UnknownJobError: if there is no such job.
        """
        if timeout is not None and not timeout >= 0:
            raise ArgumentValueError("timeout must be a number that is not negative")
        self._reactor.harvest_all()
        if job.is_finished(self._code(jid)) or reached() or timeout == 0:
            self._reactor.committer.after(session.guarded(answer))
            return
        (piece,) = self._reader.pieces([(jid, jid + 1)])
        pending: dict[int, list[JidRange]] = {piece.array.first: [(jid, jid + 1)]}
        waiter = Waiter(Mode.ANY, lambda happened: None, pending)
        OpenWait(self._loop, self._reactor, session, waiter, timeout, lambda happened: answer())
        self._look_later(waiter, reached, pause)

    def _look_later(self, waiter: Waiter, reached: Callable[[], bool], pause: float) -> None:
        self._loop.call_later(pause, self._look, waiter, reached, pause)

    def _look(self, waiter: Waiter, reached: Callable[[], bool], pause: float) -> None:
        """Look once, and again later unless the wait is over."""
        if waiter.closed:
            return
        began = self._reactor.clock.monotonic()
        try:
            happened = reached()
        except CloudException:
            # What is wrong with the job is said by the answer.
            happened = True
        if happened:
            waiter.notify(True)
            return
        self._look_later(waiter, reached, max(pause, SHARE * (self._reactor.clock.monotonic() - began)))
