"""Tickets: one byte in a pipe for every group of items; whoever reads it owns the group (pipe(7): reads are atomic)."""

from __future__ import annotations

import os

from picloud.exceptions import ProtocolError


def create() -> tuple[int, int]:
    """Return the read and the write end of a new ticket pipe, both non-blocking and closed on exec."""
    return os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)


class Tickets:
    """The worker's end of its ticket pipe."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        """Read from the descriptor, which stays the caller's."""
        self._descriptor = descriptor

    def take(self, seq: int) -> bool:
        """Take the next ticket of the chunk; return False if there is none: the rest was taken back.

        Raises:
            ProtocolError: if it is of another chunk; to go on would run items twice.
        """
        try:
            ticket = os.read(self._descriptor, 1)
        except BlockingIOError:
            return False
        if ticket != bytes((seq & 0xFF,)):
            raise ProtocolError(f"A ticket {ticket!r} lay in the pipe of chunk {seq}")
        return True
