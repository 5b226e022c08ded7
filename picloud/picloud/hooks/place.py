"""A place: somewhere that supervisors can run, and a byte stream from the node to each of them.

The node asks a place for a supervisor when the first job that needs one is ready; what is said on the stream is between node
and supervisor, and a place never looks at it::

    node ──── SupervisorStream (a stream socket) ────▶ supervisor ──▶ workers
               made by Place.start(SupervisorSpec)

`picloud.testing.place_contract` has the tests that every place must pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

FD = "{fd}"
"""Stands in `SupervisorSpec.argv` for the number of the descriptor that the supervisor inherits as its end of the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCapabilities:
    """What a place can do beyond carrying bytes."""

    descriptors: bool
    """Whether open files can travel on the stream (SCM_RIGHTS over a Unix socket)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSpec:
    """How to start one supervisor."""

    argv: tuple[str, ...]
    """Command line; `FD` in any argument is replaced by the number of the inherited descriptor."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The whole environment: nothing is added to it."""
    cwd: str | None = None
    """Folder to start in; None is the root folder."""
    key: str
    """Names this supervisor in messages and logs; unique among those that run."""
    log: str | None = None
    """File on the node's machine that its stdout and stderr are appended to; None drops them."""


class SupervisorStream(Protocol):
    """A running supervisor, seen from the node."""

    @property
    def pid(self) -> int | None:
        """Process id on this machine, or None where the supervisor runs in another process table."""
        ...

    def fileno(self) -> int:
        """Return the descriptor of the node's end: a connected stream socket, which this object owns."""
        ...

    def close(self) -> None:
        """Close the node's end, which the supervisor sees as the end of its input. A second call does nothing."""
        ...

    def kill(self) -> None:
        """End the supervisor at once (SIGKILL); nothing happens if it has ended. Does not wait."""
        ...

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the supervisor's end, at most `timeout` seconds, and collect it.

        Returns:
            Its exit status, -N if signal N ended it, or None if it still runs.
        """
        ...


class Place(Protocol):
    """Somewhere that supervisors can run."""

    @property
    def name(self) -> str:
        """Short name, unique on a node; jobs and messages name the place by it."""
        ...

    @property
    def capabilities(self) -> PlaceCapabilities:
        """What this place can do."""
        ...

    def start(self, spec: SupervisorSpec) -> SupervisorStream:
        """Start a supervisor.

        It may block while it connects, so the node may call it from any thread. What the supervisor starts in turn is
        not the place's business: supervisors end their own workers when the stream ends.

        Raises:
            BackendError: nothing was started; the message says why.
        """
        ...
