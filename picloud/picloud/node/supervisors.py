"""Supervisors: one for each place, interpreter and set of variables read at exec; started when a pool first needs one."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from picloud.exceptions import CloudException
from picloud.hooks import FD, Place, SupervisorSpec, SupervisorStream
from picloud.model.context import EXEC_PREFIXES, Context
from picloud.node import orphans
from picloud.node.link import Link
from picloud.node.pools import Pool
from picloud.wire import handshake, messages
from picloud.wire.channel import Received

_log = logging.getLogger(__name__)
_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); del sys.argv[1]; from picloud.worker.boot import main; sys.exit(main())"
)
_PACKAGES = str(Path(__file__).resolve().parents[2])
READY_WITHIN = 60.0
"""Seconds in which an interpreter that was started must be ready to run jobs."""
_END = 1.0
"""Seconds in which a supervisor that was killed has ended."""


class SupervisorEvents(Protocol):
    """What the owner of supervisors is told."""

    def worker_started(self, worker: int, pid: int, descriptors: list[int]) -> None:
        """A worker exists; the descriptors are as of `messages.WorkerStarted` and now the callee's."""
        ...

    def worker_failed(self, worker: int, reason: str) -> None:
        """A worker could not be started."""
        ...

    def worker_ended(self, ended: messages.WorkerEnded) -> None:
        """A worker and its tree are gone."""
        ...

    def supervisor_lost(self, workers: list[int], reason: str, *, permanent: bool) -> None:
        """A supervisor is gone, or never came up, and all these workers with it."""
        ...


@dataclass(slots=True)
class _Supervisor:
    key: str
    executable: str
    python: str
    stream: SupervisorStream
    link: Link | None = None
    ready: bool = False
    waiting: list[messages.StartWorker] = field(default_factory=list)
    workers: set[int] = field(default_factory=set)


class Supervisors:
    """All supervisors of the node."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, place: Place, home: Path, generation: str, events: SupervisorEvents
    ) -> None:
        """Start nothing yet."""
        self._loop = loop
        self._place = place
        self._home = home
        self._generation = generation
        self._events = events
        self._by_key: dict[str, _Supervisor] = {}
        self._of_worker: dict[int, _Supervisor] = {}
        self._ending: list[_Supervisor] = []

    def __len__(self) -> int:
        """Return how many run."""
        return len(self._by_key)

    def pids(self) -> frozenset[int]:
        """Return the processes of all supervisors on this machine, those that are ending included."""
        pids = [each.stream.pid for each in [*self._by_key.values(), *self._ending]]
        return frozenset(pid for pid in pids if pid is not None)

    def start_worker(self, worker: int, pool: Pool, cpus: list[int]) -> None:
        """Ask the pool's supervisor for a worker, starting the supervisor first if there is none.

        Raises:
            BackendError: if no supervisor could be started.
        """
        supervisor = self._by_key.get(pool.supervisor) or self._start(pool)
        request = messages.StartWorker(worker, cpus, pool.start_environment())
        supervisor.workers.add(worker)
        self._of_worker[worker] = supervisor
        if supervisor.ready and supervisor.link is not None:
            supervisor.link.send(request)
        else:
            supervisor.waiting.append(request)

    def signal(self, worker: int, number: int) -> None:
        """Send a signal to a worker; SIGKILL ends its whole tree."""
        supervisor = self._of_worker.get(worker)
        if supervisor is not None and supervisor.link is not None:
            supervisor.link.send(messages.SignalWorker(worker, number))

    def stop(self) -> None:
        """Tell every supervisor to end its workers and itself."""
        for supervisor in list(self._by_key.values()):
            if not supervisor.ready:
                supervisor.stream.kill()
            elif supervisor.link is not None:
                supervisor.link.send(messages.StopSupervisor())

    def collect(self, seconds: float) -> None:
        """Wait for every supervisor's end, at most so long for each, then end it by force."""
        for supervisor in [*self._by_key.values(), *self._ending]:
            if supervisor.link is not None:
                supervisor.link.close()
            supervisor.stream.close()
            if supervisor.stream.wait(seconds) is None:
                supervisor.stream.kill()
                supervisor.stream.wait(seconds)
        self._by_key.clear()
        self._ending.clear()

    def reap(self) -> None:
        """Collect supervisors that have ended."""
        self._ending = [each for each in self._ending if each.stream.wait(0) is None]

    def _start(self, pool: Pool) -> _Supervisor:
        context = pool.context
        stream = self._place.start(
            SupervisorSpec(
                argv=(context.executable, "-P", "-c", _BOOT, _PACKAGES, "--fd", FD),
                # A forked worker shows in /proc what its supervisor was started with: the mark by which leftovers are found.
                environment={
                    **_exec_environment(context),
                    orphans.MARK: self._generation,
                    "PICLOUD_HOME": str(self._home),
                },
                key=pool.supervisor,
                log=str(self._home / "node.log"),
            )
        )
        supervisor = _Supervisor(pool.supervisor, context.executable, context.python, stream)
        sock = socket.socket(fileno=os.dup(stream.fileno()))
        supervisor.link = Link(
            self._loop,
            sock,
            lambda received: self._received(supervisor, received),
            lambda: self._gone(supervisor),
            takes_descriptors=True,
        )
        self._loop.call_later(READY_WITHIN, self._look_ready, supervisor)
        supervisor.link.send(
            messages.Configure(str(self._home), self._generation, os.getpid(), context.python),
        )
        self._by_key[pool.supervisor] = supervisor
        return supervisor

    def _gone(self, supervisor: _Supervisor) -> None:
        if supervisor.ready:
            self._lost(supervisor, "its supervisor ended", permanent=False)
        else:
            reason = f"the interpreter {supervisor.executable} ended before it could run jobs; `picloud node logs` has what it said"
            self._lost(supervisor, reason, permanent=True)

    def _look_ready(self, supervisor: _Supervisor) -> None:
        if not supervisor.ready and self._by_key.get(supervisor.key) is supervisor:
            reason = f"the interpreter {supervisor.executable} was not ready to run jobs after {READY_WITHIN:g} s"
            self._lost(supervisor, reason, permanent=True)

    def _received(self, supervisor: _Supervisor, received: Received) -> None:
        message = received.message
        if isinstance(message, messages.WorkerStarted):
            self._events.worker_started(message.worker, message.pid, received.descriptors)
        elif isinstance(message, messages.WorkerEnded):
            supervisor.workers.discard(message.worker)
            self._of_worker.pop(message.worker, None)
            self._events.worker_ended(message)
        elif isinstance(message, messages.SupervisorReady):
            self._configured(supervisor, message)
        elif isinstance(message, messages.WorkerFailed):
            supervisor.workers.discard(message.worker)
            self._of_worker.pop(message.worker, None)
            self._events.worker_failed(message.worker, message.reason)
        else:
            _log.warning("supervisor %s sent an unexpected %s", supervisor.key, type(message).__name__)

    def _configured(self, supervisor: _Supervisor, message: messages.SupervisorReady) -> None:
        try:
            handshake.check_python(supervisor.python, message.python, f"the interpreter of {supervisor.key}")
        except CloudException as error:
            self._lost(supervisor, str(error), permanent=True)
            return
        supervisor.ready = True
        waiting, supervisor.waiting = supervisor.waiting, []
        for request in waiting:
            assert supervisor.link is not None
            supervisor.link.send(request)

    def _lost(self, supervisor: _Supervisor, reason: str, *, permanent: bool) -> None:
        _log.warning("supervisor %s is gone: %s", supervisor.key, reason)
        if self._by_key.get(supervisor.key) is supervisor:
            del self._by_key[supervisor.key]
        if supervisor.link is not None:
            supervisor.link.close()
        supervisor.stream.close()
        supervisor.stream.kill()
        supervisor.stream.wait(_END)
        self._ending.append(supervisor)
        # What it had started is this process's now, and has ended before the jobs that ran there may run again.
        orphans.end_children(self.pids())
        workers = sorted(supervisor.workers)
        for worker in workers:
            self._of_worker.pop(worker, None)
        self._events.supervisor_lost(workers, reason, permanent=permanent)


def _exec_environment(context: Context) -> dict[str, str]:
    """Return what a supervisor starts with: the job's environment, in which the loader's and interpreter's variables stand."""
    environment = dict(context.environment)
    environment.setdefault("PATH", os.defpath)
    return {name: value for name, value in environment.items() if name.startswith(EXEC_PREFIXES) or name in _BASE}


_BASE = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TMPDIR", "VIRTUAL_ENV"})
