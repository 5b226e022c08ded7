"""Waiting for jobs to end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from picloud.client.connection import Connection
from picloud.client.session import Session
from picloud.exceptions import CloudTimeoutError
from picloud.model.ids import JidRange, each
from picloud.wire import messages

_GRACE = 10.0


class Patience:
    """How long a wait may still take, from its beginning on, through lost nodes and all."""

    __slots__ = ("_deadline",)

    def __init__(self, timeout: float | None) -> None:
        """Begin now; None waits without limit."""
        self._deadline = None if timeout is None else time.monotonic() + timeout

    def left(self) -> float | None:
        """Return the seconds left, None without limit."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    @staticmethod
    def silence(left: float | None) -> float | None:
        """Return the seconds of silence after which a node that was given `left` is taken for stuck."""
        return None if left is None else left + _GRACE


def wait(session: Session, ranges: Sequence[JidRange], mode: str, timeout: float | None) -> messages.Waited:
    """Wait until jobs have ended as `messages.Wait` says, and return the node's answer.

    Raises:
        CloudException: what the node says, such as `UnknownJobError`.
    """
    session.is_waiting = True
    span = Patience(timeout)

    def exchange(connection: Connection) -> messages.Waited:
        left = span.left()
        request = messages.Wait([list(pair) for pair in ranges], mode, left)
        return messages.expect(connection.request(request, timeout=span.silence(left)).message, messages.Waited)

    return session.run(exchange)


def timed_out(message: str, waited: messages.Waited) -> CloudTimeoutError:
    """Return PiCloud's error for a wait that was in vain, with the jobs that have not ended."""
    return CloudTimeoutError(message, jid=list(each((start, stop) for start, stop in waited.unfinished)))
