"""Descriptors that travel with frames over Unix sockets (SCM_RIGHTS, unix(7))."""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Sequence

from picloud.wire.frames import MAX_DESCRIPTORS

_ROOM = socket.CMSG_SPACE(MAX_DESCRIPTORS * array.array("i").itemsize)


def send_some(sock: socket.socket, data: memoryview, descriptors: Sequence[int]) -> int:
    """Send bytes, the descriptors with the first of them; return how many bytes the kernel took.

    Raises:
        OSError: as of sendmsg(2).
    """
    if not descriptors:
        return sock.send(data)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    return sock.sendmsg([data], rights)


def receive_some(sock: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Receive at most `size` bytes and the descriptors that came with them, closed on exec.

    Raises:
        OSError: as of recvmsg(2).
    """
    data, ancillary, _flags, _address = sock.recvmsg(size, _ROOM, socket.MSG_CMSG_CLOEXEC)
    received: list[int] = []
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
            received.extend(numbers)
    return data, received


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors that nobody will use."""
    for descriptor in descriptors:
        os.close(descriptor)
