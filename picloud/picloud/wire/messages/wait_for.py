"""Client and node about what a job is about to do: reach a status, listen on a port."""

from __future__ import annotations

from dataclasses import dataclass

from picloud.wire.messages.base import Message


@dataclass(frozen=True, slots=True)
class AwaitStatus(Message):
    """Wait until a job's status is one of some; answered by `Statuses` with the one that it has then, or when the time is over."""

    jid: int
    """The job."""
    codes: list[int]
    """Status codes (`model.job`) that end the wait; final ones always do."""
    timeout: float | None
    """Seconds; 0 looks once; None waits without limit."""


@dataclass(frozen=True, slots=True)
class AwaitPort(Message):
    """Wait until a running job listens on a port, or has ended; answered by `Port`."""

    jid: int
    """The job."""
    port: int
    """The port's number."""
    protocol: str
    """`tcp` or `udp`."""
    timeout: float | None
    """As in `AwaitStatus`."""


@dataclass(frozen=True, slots=True)
class Port(Message):
    """The answer to `AwaitPort`."""

    address: str | None
    """Where the port can be reached; None if the job does not listen on it."""
    status: int
    """The job's status code at that moment."""
