"""The local place: supervisors are child processes of the node, at the other end of a Unix socket pair."""

from __future__ import annotations

import os
import socket
import subprocess

from picloud.exceptions import BackendError
from picloud.hooks import FD, Place, PlaceCapabilities, SupervisorSpec


class LocalSupervisor:
    """A supervisor on this machine (`picloud.hooks.SupervisorStream`)."""

    def __init__(self, process: subprocess.Popen[bytes], stream: socket.socket) -> None:
        """Own a started process and the node's end of its stream."""
        self._process = process
        self._stream = stream
        self.pid: int | None = process.pid

    def fileno(self) -> int:
        """Return the descriptor of the node's end."""
        return self._stream.fileno()

    def close(self) -> None:
        """Close the node's end."""
        self._stream.close()

    def kill(self) -> None:
        """End the supervisor at once."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end and collect it."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None


class LocalPlace:
    """This machine (`picloud.hooks.Place`)."""

    name = "local"
    capabilities = PlaceCapabilities(descriptors=True)

    def start(self, spec: SupervisorSpec) -> LocalSupervisor:
        """Start a supervisor in a session of its own, so that a terminal's signals for the node's starter miss it."""
        ours, theirs = socket.socketpair()
        try:
            output = os.open(spec.log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                process = subprocess.Popen(
                    [word.replace(FD, str(theirs.fileno())) for word in spec.argv],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(spec.environment),
                    cwd=spec.cwd or "/",
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            finally:
                os.close(output)
        except (OSError, ValueError) as error:
            ours.close()
            raise BackendError(f"The supervisor {spec.key} could not be started on this machine: {error}") from error
        finally:
            theirs.close()
        return LocalSupervisor(process, ours)


def picloud_places() -> list[Place]:
    """Add the local place."""
    return [LocalPlace()]
