"""Shortcuts to what a running job offers: where its ports are reached (`get_connection_info`), and `ssh`."""

from __future__ import annotations

from typing import Any

from cloud import wait_for
from cloud.shortcuts import ssh as ssh

__all__ = ["get_connection_info", "ssh"]

_SSH = 22


def get_connection_info(jid: int, port: int, protocol: str = "tcp", timeout: float | None = None) -> dict[str, Any]:
    """Wait until a job listens on a port, and return where, as `cloud.wait_for.port` does.

    For port 22, which a job here has only if it listens on it itself, the dict also has the `username` that jobs run as.

    Raises:
        CloudException, CloudTimeoutError, TypeError, ValueError: as `cloud.wait_for.port`.
    """
    found = wait_for.port(jid, port, protocol, timeout)
    if port == _SSH:
        import getpass

        found["username"] = getpass.getuser()
    return found
