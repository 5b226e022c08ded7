"""Waiting for what a job is about to do: `cloud.wait_for.status` and `cloud.wait_for.port`.

The node says when it has happened; nothing is asked again and again.
"""

from __future__ import annotations

from typing import Any

from cloud import _arguments, _nodes
from picloud.client import wait_for

__all__ = ["port", "status"]


def status(jid: int, test_status: str, timeout: float | None = None) -> str:
    """Wait until a job has a status, and return it.

    Args:
        jid: The job.
        test_status: `waiting`, `queued`, `processing`, `done`, `error`, `killed` or `stalled`.
        timeout: Seconds; 0 looks once, None waits without limit.

    Raises:
        CloudException: `Job has status X. Will never (again) be Y`, as soon as that is so; also for an unknown job.
        CloudTimeoutError: if the job has not got there in time.
        TypeError: if `jid` is no integer or `test_status` no text.
        ValueError: if there is no such status.
    """
    seconds = _arguments.timeout_of(timeout)
    one = _arguments.one_jid(jid)
    wanted = _arguments.status_of(test_status)
    return str(wait_for.until_status(_nodes.jobs.session(), one, wanted, seconds))


def port(jid: int, port: int, protocol: str = "tcp", timeout: float | None = None) -> dict[str, Any]:
    """Wait until a job listens on a port, and return a dict with the `address` and `port` to connect to.

    The job, or a process that it started, has opened the port itself: it is the machine's own, so that no other number stands
    for it.  A socket that is bound to every address can be reached at 127.0.0.1.

    Args:
        jid: The job.
        port: The number, 1 to 65535.
        protocol: `tcp` or `udp`.
        timeout: Seconds; 0 looks once, None waits without limit.

    Raises:
        CloudException: once the job has ended; also for an unknown job.
        CloudTimeoutError: if the job does not listen in time.
        TypeError: if `jid` or `port` is no integer, or `protocol` no text.
        ValueError: if there is no such port or protocol.
    """
    seconds = _arguments.timeout_of(timeout)
    one = _arguments.one_jid(jid)
    number, kind = _arguments.port_of(port, protocol)
    return wait_for.until_port(_nodes.jobs.session(), one, number, kind, seconds)
