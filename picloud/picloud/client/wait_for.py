"""Waiting for what a job is about to do: reach a status, listen on a port.  The node looks; nothing is polled from here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from picloud.client.connection import Connection
from picloud.client.session import Session
from picloud.client.waiting import Patience, leave_rest
from picloud.exceptions import CloudTimeoutError, UnreachableStatusError
from picloud.model import job
from picloud.model.job import Status
from picloud.wire import messages
from picloud.wire.channel import Received

_Request = Callable[[float | None], messages.Message]


def until_status(session: Session, jid: int, wanted: Status, timeout: float | None) -> Status:
    """Wait until a job has a status, and return it.

    Raises:
        UnreachableStatusError: once the job can no longer get there.
        CloudTimeoutError: if it has not after `timeout` seconds.
        UnknownJobError: if there is no such job.
    """
    over = [code for status, code in job.CODES.items() if wanted not in job.REACHABLE[status]]
    received = _ask(session, lambda left: messages.AwaitStatus(jid, over, left), timeout)
    messages.expect(received.message, messages.Statuses)
    status = job.BY_CODE[received.body[0]]
    if status is wanted:
        return status
    if wanted not in job.REACHABLE[status]:
        raise UnreachableStatusError(
            f"Job has status {status}. Will never (again) be {wanted}", jid=jid, status=str(status)
        )
    raise CloudTimeoutError(f"wait_for.status timed out: the job is {status}, not {wanted}", jid=jid)


def until_port(session: Session, jid: int, port: int, protocol: str, timeout: float | None) -> dict[str, Any]:
    """Wait until a job listens on a port, and return where.

    Raises:
        UnreachableStatusError: once the job has ended.
        CloudTimeoutError: if it does not listen after `timeout` seconds.
        UnknownJobError: if there is no such job.
    """
    received = _ask(session, lambda left: messages.AwaitPort(jid, port, protocol, left), timeout)
    answer = messages.expect(received.message, messages.Port)
    if answer.address is not None:
        return {"address": answer.address, "port": port}
    status = job.BY_CODE[answer.status]
    if job.is_finished(answer.status):
        raise UnreachableStatusError(
            f"Job has status {status}. Will never (again) listen on {protocol} port {port}", jid=jid, status=str(status)
        )
    raise CloudTimeoutError(
        f"wait_for.port timed out: the job is {status}, {protocol} port {port} is not open", jid=jid
    )


def _ask(session: Session, request: _Request, timeout: float | None) -> Received:
    """Send a request that the node answers when something has happened, with the seconds that are left for it."""
    span = Patience(timeout)

    def exchange(connection: Connection) -> Received:
        leave_rest(connection)
        left = span.left()
        return connection.request(request(left), timeout=span.silence(left))

    return session.run(exchange)
