"""Telling connections of the ends of jobs that they watch, each as it happens."""

from __future__ import annotations

from functools import partial

from picloud.exceptions import ArgumentValueError, UnknownJobError
from picloud.model import job
from picloud.node.live import LiveArray
from picloud.node.reactor import Reactor
from picloud.node.reads import Reader
from picloud.node.sessions import Handler, Session
from picloud.node.waits import Mode, Waiter
from picloud.wire import messages
from picloud.wire.channel import Received

GONE = -1
"""Stands for the status code of a job that does not exist."""


class Watching:
    """Handles `Watch`."""

    def __init__(self, reactor: Reactor, reader: Reader) -> None:
        """Watch the reactor's arrays."""
        self._reactor = reactor
        self._reader = reader
        self._open: dict[Session, set[Waiter]] = {}

    def handlers(self) -> dict[type[messages.Message], Handler]:
        """Return what this part answers."""
        return {messages.Watch: self._watch}

    def _watch(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Watch)
        if not all(isinstance(jid, int) for jid in message.jids):
            raise ArgumentValueError("jids are numbers")
        ended: list[list[int]] = []
        for jid in message.jids:
            try:
                (piece,) = self._reader.pieces([(jid, jid + 1)])
            except UnknownJobError:
                ended.append([jid, GONE])
                continue
            (code,) = self._reader.codes(piece)
            if piece.live is None or job.is_finished(code):
                ended.append([jid, code])
            else:
                self._await(session, piece.live, jid)
        if ended:
            # The commit of an end that is known may still be under way.
            self._reactor.committer.after(partial(session.link.send, messages.Ended(ended)))

    def _await(self, session: Session, live: LiveArray, jid: int) -> None:
        first = live.array.first

        def tell() -> None:
            session.link.send(messages.Ended([[jid, live.states[jid - first]]]))

        def happened(_satisfied: bool) -> None:
            waiters.discard(waiter)
            if not waiters:
                self._open.pop(session, None)
            self._reactor.committer.after(tell)

        waiter = Waiter(Mode.ALL, happened, {first: [(jid, jid + 1)]})
        waiters = self._open.setdefault(session, set())
        waiters.add(waiter)
        self._reactor.waiters.add(waiter)
        session.on_close = partial(self._close, session)

    def _close(self, session: Session) -> None:
        for waiter in self._open.pop(session, ()):
            self._reactor.waiters.drop(waiter)
