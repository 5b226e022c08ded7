"""Makes worker processes: what each is given, the fork, and its first steps on its own."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import resource
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import multiprocess
from multiprocess.popen_fork import Popen

from picloud.wire.descriptors import close_all
from picloud.worker import arena, main, processes, spool, tickets

LOCK = "workers.lock"
"""File in the home that every worker holds a shared lock on: while one lives, nobody gets it alone."""
_HIGH = 900


class _Popen(Popen):  # type: ignore[misc]  # multiprocess has no types
    """A forked process whose wait status and peak memory are kept when it is collected."""

    def __init__(self, process: Any) -> None:
        self.returncode: int | None = None
        self.wait_status = 0
        self.peak = 0
        super().__init__(process)

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """Collect the process if it has ended; return its exit code, or None."""
        if self.returncode is None:
            try:
                pid, status, usage = os.wait4(self.pid, flag)
            except ChildProcessError:
                return None
            if pid == self.pid:
                self.wait_status, self.peak = status, usage.ru_maxrss * 1024
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class _Process(multiprocess.get_context("fork").Process):  # type: ignore[misc]  # as above
    """A process of multiprocess's fork context that is collected by `_Popen`."""

    @staticmethod
    def _Popen(process: Any) -> _Popen:  # noqa: N802 - the name that multiprocess gave it
        return _Popen(process)


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to be."""

    worker: int
    """Its id within the node's life."""
    home: str
    """The node's folder."""
    generation: str
    """The node's life."""
    cpus: tuple[int, ...]
    """CPUs to run on; empty leaves them."""
    environment: Mapping[str, str]
    """Variables that libraries read at start."""


class Forked:
    """A worker process, seen from its supervisor."""

    __slots__ = ("_process", "arena", "ended", "err", "out", "pid", "worker")

    def __init__(self, worker: int, process: Any, arena_descriptor: int, out: int, err: int) -> None:
        """Own the process, its arena and its spools."""
        self.worker = worker
        self._process = process
        self.pid: int = process.pid
        self.arena = arena_descriptor
        self.out = out
        self.err = err
        self.ended = False
        """Whether it has been collected."""

    def collect(self) -> bool:
        """Collect the process if it has ended; return whether it has."""
        self.ended = self.ended or self._process.exitcode is not None
        return self.ended

    @property
    def wait_status(self) -> int:
        """Return how it ended, as of waitpid(2)."""
        status: int = self._process._popen.wait_status  # noqa: SLF001 - of our own class
        return status

    @property
    def peak(self) -> int:
        """Return its largest resident set in bytes."""
        peak: int = self._process._popen.peak  # noqa: SLF001 - of our own class
        return peak

    def close(self) -> None:
        """Let go of a collected process."""
        self._process.close()
        close_all((self.arena, self.out, self.err))


def fork(order: Order) -> tuple[Forked, list[int]]:
    """Fork a worker; return it and the descriptors for the node, which are the caller's to send and close.

    Raises:
        OSError: if something that it needs cannot be had.
    """
    opened: list[int] = []
    try:
        ours, theirs = socket.socketpair()
        opened += [ours.detach(), theirs.detach()]
        opened += tickets.create()
        opened.append(arena.create())
        path = os.path.join(order.home, "spool", f"{order.generation}-{order.worker}")
        for stream in ("out", "err"):
            opened.append(spool.create(f"{path}.{stream}"))
        for stream in ("out", "err"):
            opened.append(os.open(f"{path}.{stream}", os.O_RDONLY | os.O_CLOEXEC))
        opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        node, own, reader, writer, memory, out, err, out_read, err_read, null = opened
        equipment = main.Equipment(
            worker=order.worker,
            home=order.home,
            generation=order.generation,
            socket=own,
            tickets=reader,
            arena=memory,
            null=null,
            out=out,
            err=err,
            log=2,
        )
        process = _Process(target=_begin, args=(order, equipment, os.getpid()), name=f"picloud-worker-{order.worker}")
        process.start()
    except BaseException:
        close_all(opened)
        raise
    close_all((own, null))
    kept = os.dup(memory)
    return Forked(order.worker, process, kept, out, err), [node, reader, writer, memory, out_read, err_read]


def _begin(order: Order, equipment: main.Equipment, supervisor: int) -> None:
    """Leave the supervisor's life behind, in the child; never return."""
    try:
        processes.die_with(supervisor)
        os.setsid()
        processes.become_subreaper()
        processes.set_name("picloud-worker")
        _reset_signals()
        equipment = _keep_only(equipment)
        _share_lock(order.home)
        if order.cpus:
            os.sched_setaffinity(0, order.cpus)
        os.environ.update(order.environment)
        time.tzset()
    except BaseException as error:
        os.write(equipment.log, f"worker {order.worker} cannot start: {type(error).__name__}: {error}\n".encode())
        os._exit(main.BROKEN)
    main.run(equipment)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _keep_only(equipment: main.Equipment) -> main.Equipment:
    """Close everything that is not the worker's, and move its own out of the way of job code that closes low numbers."""
    log = os.dup(2)
    for source, target in ((equipment.null, 0), (equipment.out, 1), (equipment.err, 2)):
        os.dup2(source, target)
    floor = min(_HIGH, max(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 32))
    given = {name: getattr(equipment, name) for name in ("socket", "tickets", "arena", "null", "out", "err")}
    moved: dict[str, Any] = {
        name: fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, floor)
        for name, descriptor in (given | {"log": log}).items()
    }
    at = 3
    for descriptor in sorted(moved.values()):
        os.closerange(at, descriptor)
        at = descriptor + 1
    os.closerange(at, max(map(int, os.listdir("/proc/self/fd"))) + 1)
    return dataclasses.replace(equipment, **moved)


def _share_lock(home: str) -> None:
    """Hold the lock for as long as this process or a child that it forked lives; opened here, since a lock belongs to its opening.

    Raises:
        BlockingIOError: if somebody has it alone: the node that this worker was for is gone.
    """
    descriptor = os.open(os.path.join(home, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
