"""Which ports the processes of a job listen on, as the kernel tells (proc(5)): `/proc/PID/fd` and `/proc/PID/net`."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import psutil

Ports = dict[str, dict[int, str]]
"""Addresses by protocol (`tcp`, `udp`) and port."""

LOOPBACK = "127.0.0.1"
"""Where a socket can be reached that is bound to every address."""

_WORD = struct.Struct("=I")
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_TABLES = (("tcp", "tcp", "0A"), ("tcp", "tcp6", "0A"), ("udp", "udp", "07"), ("udp", "udp6", "07"))
"""Protocol, file in /proc/PID/net, and the state of a socket that waits for peers (TCP_LISTEN; TCP_CLOSE of an unconnected one)."""


def listening(root: int) -> Ports:
    """Return the ports that a process and its descendants listen on; none if it is gone or belongs to somebody else."""
    found: Ports = {"tcp": {}, "udp": {}}
    inodes = {inode for pid in tree(root) for inode in _sockets(pid)}
    if inodes:
        for protocol, table, state in _TABLES:
            for inode, address, port in _entries(root, table, state):
                if inode in inodes:
                    found[protocol].setdefault(port, address)
    return found


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    pids = [root]
    for pid in pids:
        try:
            pids += _children(pid)
        except FileNotFoundError:
            if pid == root and os.path.exists(f"/proc/{root}"):
                # The kernel was built without CONFIG_PROC_CHILDREN.
                with contextlib.suppress(psutil.NoSuchProcess):
                    return [root, *(child.pid for child in psutil.Process(root).children(recursive=True))]
        except OSError:
            continue
    return pids


def _children(pid: int) -> list[int]:
    return [
        int(word)
        for task in os.listdir(f"/proc/{pid}/task")
        for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()
    ]


def _sockets(pid: int) -> Iterator[int]:
    """Yield the inodes of the sockets that a process has open."""
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found = _SOCKET.fullmatch(os.readlink(f"/proc/{pid}/fd/{name}"))
                if found:
                    yield int(found[1])


def _entries(pid: int, table: str, state: str) -> Iterator[tuple[int, str, int]]:
    """Yield (inode, address, port) of the sockets in a state, in the network that a process sees."""
    try:
        lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split(None, 10)
        if fields[3] == state:
            address, _, port = fields[1].partition(":")
            yield int(fields[9]), readable(address), int(port, 16)


def readable(address: str) -> str:
    """Return an address of /proc/net, words in the machine's own byte order, as one that a client can connect to."""
    packed = b"".join(_WORD.pack(int(address[at : at + 8], 16)) for at in range(0, len(address), 8))
    if packed[:-4] == b"\0" * 10 + b"\xff\xff":
        packed = packed[-4:]
    if not any(packed):
        return LOOPBACK
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
