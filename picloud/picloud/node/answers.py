"""Answers to submissions: when they are kept, or a moment later together with the result that their caller waits for.

A client that asked for a result after its last call does so again most of the time.  An answer that brings the result saves it
the question, and the node under many clients half of its messages.
"""

from __future__ import annotations

import asyncio

from picloud.node.commit import Committer
from picloud.node.live import LiveArray
from picloud.node.sessions import Session
from picloud.node.waits import Mode, Waiter, Waiters, has_unfinished
from picloud.wire import messages

PATIENCE = 0.020
"""Seconds that an answer waits for a result at most: so much later a call may return whose result is not asked for."""


class Answers:
    """Answers submissions that are put into the batch."""

    def __init__(self, loop: asyncio.AbstractEventLoop, committer: Committer, waiters: Waiters) -> None:
        """Learn from the waiters what has ended and is kept."""
        self._loop = loop
        self._committer = committer
        self._waiters = waiters

    def give(self, session: Session, live: LiveArray) -> None:
        """Answer a submission that is kept now; its result comes along if nothing is left that is not kept."""
        live.stored = True
        self._reply(session, live, live.answer if self._committer.holds_all else b"")

    def give_with_result(self, session: Session, live: LiveArray) -> None:
        """Answer a submission of one job that is kept now, once its end is kept too, or after `PATIENCE`."""
        live.stored = True
        if not has_unfinished(live.states):
            # What has ended by now is in the batch at least.
            self._committer.after(session.guarded(lambda: self._reply(session, live, live.answer)))
            return
        first = live.array.first
        waiter = Waiter(Mode.ALL, lambda happened: None, {first: [(first, first + 1)]})

        def over(happened: bool) -> None:
            timer.cancel()
            self._waiters.drop(waiter)
            self._reply(session, live, live.answer if happened else b"")

        waiter.notify = over
        timer = self._loop.call_later(PATIENCE, over, False)
        self._waiters.add(waiter)

    @staticmethod
    def _reply(session: Session, live: LiveArray, record: bytes) -> None:
        session.reply(messages.Submitted(live.array.first, live.array.count), (record,) if record else ())
