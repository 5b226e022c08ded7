"""One life of the node: its parts put together, started in order, and ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import socket
import time
from typing import Any

from picloud import faults
from picloud.exceptions import NodeError
from picloud.hooks.manager import Plugins
from picloud.model.settings import Settings
from picloud.node import allocator, machine, orphans, recovery
from picloud.node.answers import Answers
from picloud.node.clock import SystemClock
from picloud.node.commit import Committer
from picloud.node.facts import Facts
from picloud.node.home import Home
from picloud.node.idle import Idleness
from picloud.node.jids import SharedJids
from picloud.node.lock import FileLock
from picloud.node.maintenance import Maintenance
from picloud.node.opening import open_store
from picloud.node.queries import Queries
from picloud.node.reactor import Reactor
from picloud.node.reads import Reader
from picloud.node.removal import Removal
from picloud.node.room import Room
from picloud.node.sessions import Server
from picloud.node.submissions import Submissions
from picloud.node.supervisors import Supervisors
from picloud.node.wait_for import WaitFor
from picloud.node.waiting import Waiting
from picloud.node.watching import Watching
from picloud.scheduler.machine import Limits, Scheduler
from picloud.store import recovery as stored
from picloud.store import starts
from picloud.store.environment import Reserve
from picloud.store.tables import Tables
from picloud.store.writer import Writer

PLACE = "local"
"""The place that jobs run on unless something else is said."""
GRACE = 30.0
"""Seconds that jobs which may not restart are given when the node is told to end."""
OLD_GENERATION = 10.0
"""Seconds in which what an earlier node left behind must have ended."""
_log = logging.getLogger(__name__)


class Node:
    """Everything that lives and ends with one node process."""

    def __init__(
        self,
        home: Home,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        client: int = 0,
        jids: SharedJids | None = None,
        lease: int | None = None,
    ) -> None:
        """Open the store and put the parts together; nothing runs yet.

        `client` is the process that the node is private to, and ends with; 0 if it serves whoever comes.  `jids` is the counter
        that its client's private nodes share, `lease` a pipe that ends when its client needs it no longer.

        Raises:
            StoreError: if the store cannot be opened.
        """
        self._home = home
        self._settings = settings
        self._loop = loop
        self._client = client
        self._lease = lease
        self._stopping: asyncio.Task[None] | None = None
        self.stopped = loop.create_future()
        self.exit_code = 0
        clock = SystemClock()
        self._clock = clock
        cpus = machine.take_cpus(settings.cpus)
        generation = secrets.token_hex(16)
        self._environment = open_store(home.path, settings.durability)
        tables = Tables(self._environment)
        self._tables = tables
        self._committer = Committer(loop, Writer(self._environment), settings.durability, self._commit_failed)
        self._end_old_generation(generation)
        # As many as were asked for, even on fewer CPUs: a private node's jobs may well be waiting for something else.
        slots = settings.num_procs if client and settings.num_procs > 0 else len(cpus)
        limits = Limits(slots=slots, blocked_cap=settings.blocked_jobs, idle_workers=slots)
        self.reactor = Reactor(
            loop, clock, home.path, Scheduler(limits), self._committer, tables, generation, _worker_options(settings)
        )
        place = Plugins.load().place(PLACE)
        self._supervisors = Supervisors(loop, place, home.path, generation, self.reactor)
        self.reactor.supervisors = self._supervisors
        reader = Reader(self.reactor.live, tables, self.reactor.workers)
        in_force: dict[str, Any] = {
            "max_transmit_data": settings.max_transmit_data,
            "blocked_jobs": settings.blocked_jobs,
            "num_procs": slots,
        }
        facts: dict[str, Any] = {
            "generation": generation,
            "home": str(home.path),
            "durability": str(settings.durability),
            "cpus": cpus,
            "limits": in_force,
        }
        self._server = Server(loop, facts, tables.knows_client)
        room = Room(Reserve(self._environment, settings.disk_reserve), clock)
        answers = Answers(loop, self.reactor.committer, self.reactor.waiters)
        self._submissions = Submissions(self.reactor, reader, tables, room, answers, PLACE, jids)
        known = {**facts, "started": clock.wall(), "monotonic": clock.monotonic()}
        detail = Facts(reader, tables, self.reactor.contents, home.path, settings.max_output)
        for part in (
            self._submissions,
            Waiting(loop, self.reactor, reader),
            Watching(self.reactor, reader),
            WaitFor(loop, self.reactor, reader),
            Queries(self.reactor, reader, tables, detail, self._environment, known),
            Removal(self.reactor, reader, tables, self._environment),
            Maintenance(self.reactor, self._environment, self.stop),
        ):
            self._server.handlers.update(part.handlers())
        self._idle = Idleness(settings.idle_time, clock.monotonic())

    def start(self) -> None:
        """Go on with unfinished jobs and let clients in.

        Raises:
            NodeError: if the socket cannot be made.
        """
        faults.come_by("recovery.begins")
        recovery.restore(self.reactor, stored.recover(self._environment), self._tables, PLACE)
        faults.come_by("recovery.done")
        stored.sweep(self._environment, self._clock.wall())
        starts.succeeded(self._home.path, self._settings.durability, starts.boot_id())
        self._server.listen(_listener(self._home))
        # Not before the loop runs: a signal that comes until then ends the process instead of being lost.
        self._loop.call_soon(self._heed_signals)
        self._loop.call_later(self._idle.next_look(), self._look)
        if self._client:
            self._watch_client()
        gc.collect()
        gc.freeze()

    def stop(self) -> None:
        """Begin to end: no new clients, restartable jobs go back to the queue, others are given some time."""
        if self._stopping is None:
            self._stopping = self._loop.create_task(self._stop())

    def _heed_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self.stop)

    def _watch_client(self) -> None:
        """End when the client's process ends, or says that it needs the node no longer."""
        if self._lease is not None:
            os.set_inheritable(self._lease, False)
            self._loop.add_reader(self._lease, self._client_gone, self._lease)
        try:
            descriptor = os.pidfd_open(self._client)
        except ProcessLookupError:
            self._loop.call_soon(self.stop)
            return
        self._loop.add_reader(descriptor, self._client_gone, descriptor)

    def _client_gone(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        self.stop()

    def _end_old_generation(self, generation: str) -> None:
        """End what a dead node's workers left, then note this generation: two never run side by side."""
        noted = self._tables.note("generation")
        if noted:
            ended = orphans.end_generation(noted.decode(), OLD_GENERATION)
            if ended:
                _log.warning("ended %d processes that an earlier node had left", ended)
        lock = FileLock(self._home.workers_lock)
        until = time.monotonic() + OLD_GENERATION
        while not lock.try_exclusive():
            if time.monotonic() > until:
                raise NodeError("Workers of an earlier node still run", hint=f"see who holds {self._home.workers_lock}")
            time.sleep(0.01)
        lock.release()
        self._committer.batch.put_note("generation", generation.encode())

    def _look(self) -> None:
        """Look whether anybody still needs the node."""
        self._supervisors.reap()
        orphans.end_children(self._supervisors.pids())
        busy = len(self.reactor.live) > 0 or len(self.reactor.waiters) > 0
        if not busy:
            allocator.give_memory_back()
        if self._idle.over(self._clock.monotonic(), busy=busy, requests=self._server.requests):
            _log.info("nothing to do: the node ends")
            faults.come_by("idle.ends")
            self.stop()
        elif self._stopping is None:
            self._loop.call_later(self._idle.next_look(), self._look)

    def _commit_failed(self, error: BaseException) -> None:
        """End at once: what is stored is the truth, and the next node begins from it."""
        _log.critical("the node ends at once, and the next one begins from what is stored: %s", error)
        self._server.close()
        self.exit_code = 1
        if not self.stopped.done():
            self.stopped.set_result(None)

    async def _stop(self) -> None:
        self._server.stopping = True
        self._server.close_listener()
        self.reactor.drain()
        if self.reactor.holds_unrestartable():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.reactor.drained.wait(), 0 if self._client else GRACE)
        self.reactor.harvest_all()
        await asyncio.sleep(0)
        if not self.stopped.done():
            self.stopped.set_result(None)

    def close(self) -> None:
        """End supervisors and workers, commit what is left, close the store."""
        self._server.close()
        self._supervisors.stop()
        self._supervisors.collect(5.0)
        orphans.end_children(frozenset())
        self._committer.finish()
        self._environment.close()
        if self.exit_code == 0:
            starts.ended(self._home.path)
        self._home.socket.unlink(missing_ok=True)


def _worker_options(settings: Settings) -> dict[str, int]:
    """Return what workers are told of the settings: those that differ from what they take for granted."""
    usual = Settings()
    chosen = {"max_output": settings.max_output, "max_transmit_data": settings.max_transmit_data}
    return {name: value for name, value in chosen.items() if value != getattr(usual, name)}


def _listener(home: Home) -> socket.socket:
    """Return a listening Unix socket of mode 0600; a long path is bound through the folder's descriptor."""
    home.socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    folder = os.open(home.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    mask = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{home.socket.name}")
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise NodeError(f"The socket {home.socket} cannot be made: {error}") from error
    finally:
        os.umask(mask)
        os.close(folder)
    return listener
