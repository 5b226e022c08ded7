"""Waiting for jobs to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from picloud.client.connection import Connection
from picloud.client.session import Session
from picloud.exceptions import CloudTimeoutError
from picloud.model import job, running
from picloud.model.ids import JidRange, each
from picloud.wire import messages
from picloud.wire.channel import Received

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


def ask(connection: Connection, request: Callable[[float | None], messages.Message], left: float | None) -> Received:
    """Return the answer to a request that waits for up to the seconds it is made with.

    Inside a job that shares its ticket with items behind it, an answer that has to be waited for leaves those to other workers:
    they may be what it waits for.
    """
    here = running.current
    if left != 0 and here is not None and here.part is not None:
        received = connection.request(request(0.0), timeout=Patience.silence(left))
        if not isinstance(received.message, messages.Waited) or received.message.satisfied:
            return received
        leave_rest(connection)
    return connection.request(request(left), timeout=Patience.silence(left))


def leave_rest(connection: Connection) -> None:
    """Inside a job, leave the items that share its ticket to other workers."""
    here = running.current
    if here is not None and here.part is not None:
        connection.send(messages.Alone(*here.part()))


def poll(session: Session, ranges: messages.Ranges) -> bytes:
    """Return one status code a job; inside a job, whoever is told of one that has not ended may ask until it has.

    Raises:
        UnknownJobError: naming the first jid that no job has.
    """

    def exchange(connection: Connection) -> bytes:
        codes = connection.request(messages.GetStatus(ranges)).body
        here = running.current
        if here is not None and here.part is not None and not all(map(job.is_finished, codes)):
            leave_rest(connection)
            connection.broken = False  # Nothing answers to it.
        return codes

    return session.run(exchange)


def wait(session: Session, ranges: Sequence[JidRange], mode: str, timeout: float | None) -> messages.Waited:
    """Wait until jobs have ended as `messages.Wait` says, and return the node's answer.

    Raises:
        CloudException: what the node says, such as `UnknownJobError`.
    """
    session.is_waiting = True
    span = Patience(timeout)
    asked = [list(pair) for pair in ranges]

    def exchange(connection: Connection) -> messages.Waited:
        received = ask(connection, lambda left: messages.Wait(asked, mode, left), span.left())
        return messages.expect(received.message, messages.Waited)

    return session.run(exchange)


def timed_out(message: str, waited: messages.Waited) -> CloudTimeoutError:
    """Return PiCloud's error for a wait that was in vain, with the jobs that have not ended."""
    return CloudTimeoutError(message, jid=list(each((start, stop) for start, stop in waited.unfinished)))
