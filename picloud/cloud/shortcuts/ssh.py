"""Logging into the machine of a job: PiCloud ran an SSH server beside each one, and a node of one's own does not."""

from __future__ import annotations

from typing import Any, NoReturn

from cloud import _arguments, _nodes
from picloud.exceptions import UnavailableError

__all__ = ["get_ssh_info"]


def get_ssh_info(jid: int, timeout: float | None = None) -> NoReturn:
    """Say that no SSH server belongs to a job here; PiCloud returned its `address`, `port`, `username` and `identity`.

    Raises:
        UnavailableError: always, for a job that there is; its hint says what to do instead.
        CloudException: for an unknown job.
        TypeError: if `jid` is no integer.
    """
    _arguments.timeout_of(timeout)
    one = _arguments.one_jid(jid)
    facts: dict[str, Any] = _nodes.jobs.info(one, ["status"])[one]
    raise UnavailableError(
        f"No SSH server runs beside a job on this machine, and there is no key for one; the job is {facts['status']}",
        jid=one,
        status=facts["status"],
        hint="jobs run here as your own user: log into this machine, or let the job listen and use cloud.wait_for.port",
    )
