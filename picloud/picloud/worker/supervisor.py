"""The supervisor of a place: forks workers, signals them, and sees to it that nothing that they started outlives them.

It has one thread, so that forking is safe and a worker's parent-death signal exact, and it is the sub-reaper of all workers:
what a dead worker leaves becomes its child and is killed.  It ends, with everything below it, when the node does.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
from typing import NoReturn

import cloudpickle

from picloud.wire import messages
from picloud.wire.channel import Channel, Received
from picloud.wire.descriptors import close_all
from picloud.worker import floods, forking, processes
from picloud.worker.forking import Forked, Order

_ENDING_TICK = 0.05
_BUSY_TICK = 0.25
_IDLE_TICK = 2.0


class Supervisor:
    """One conversation with a node."""

    def __init__(self, channel: Channel, first: Received) -> None:
        """Serve the node at the other end, whose first message has been read."""
        self._channel = channel
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, Forked] = {}
        self._ending: list[Forked] = []
        self._orphans = 0
        self._busy: list[bool] = []
        self._configured: messages.Configure | None = None
        self._woken, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGTERM, self._stop_by_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        self._first = first

    def serve(self) -> NoReturn:
        """Do what the node says until it is gone."""
        self._selector.register(self._channel, selectors.EVENT_READ, self._hear)
        self._selector.register(self._woken, selectors.EVENT_READ, self._wake)
        try:
            self._handle(self._first)
            while self._channel.pending():
                self._handle(self._channel.receive())
            while True:
                for key, _ in self._selector.select(self._tick()):
                    key.data()
                self._clear_up()
                self._busy = [floods.cut(each.arena, each.out, each.err) for each in self._workers.values()]
        except (EOFError, ConnectionError):
            self._end(0)

    def _tick(self) -> float | None:
        """Return after how many seconds to look again, None if there is nothing to look at."""
        if self._ending:
            return _ENDING_TICK
        if not self._workers:
            return None
        return _BUSY_TICK if any(self._busy) else _IDLE_TICK

    def _wake(self) -> None:
        os.read(self._woken, 4096)
        self._collect()

    def _hear(self) -> None:
        self._handle(self._channel.receive())
        while self._channel.pending():
            self._handle(self._channel.receive())

    def _handle(self, received: Received) -> None:
        message = received.message
        if isinstance(message, messages.StartWorker):
            self._start(message)
        elif isinstance(message, messages.SignalWorker):
            forked = self._workers.get(message.worker)
            if forked is not None and not forked.collect():
                processes.kill(forked.pid, message.signal)
        elif isinstance(message, messages.Configure):
            self._configure(message)
        elif isinstance(message, messages.StopSupervisor):
            self._end(0)
        close_all(received.descriptors)

    def _configure(self, message: messages.Configure) -> None:
        self._configured = message
        if message.node:
            try:
                node = os.pidfd_open(message.node)
            except ProcessLookupError:
                self._end(0)
            self._selector.register(node, selectors.EVENT_READ, lambda: self._end(0))
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        self._channel.send(messages.SupervisorReady(os.getpid(), python, cloudpickle.__version__))

    def _start(self, message: messages.StartWorker) -> None:
        configured = self._configured
        if configured is None:
            self._channel.send(messages.WorkerFailed(message.worker, "the supervisor was not configured"))
            return
        order = Order(
            message.worker, configured.home, configured.generation, tuple(message.cpus), dict(message.environment)
        )
        try:
            forked, descriptors = forking.fork(order)
        except OSError as error:
            self._channel.send(messages.WorkerFailed(message.worker, str(error)))
            return
        self._workers[message.worker] = forked
        started = messages.WorkerStarted(message.worker, forked.pid, processes.start_time(forked.pid))
        try:
            self._channel.send(started, (), descriptors)
        finally:
            close_all(descriptors)

    def _collect(self) -> None:
        """Collect workers that have ended."""
        for forked in [each for each in self._workers.values() if each.collect()]:
            del self._workers[forked.worker]
            self._ending.append(forked)

    def _clear_up(self) -> None:
        """Kill what dead workers have left: all children that are no living worker; then tell the node of those workers."""
        if not self._ending:
            return
        if self._kill_strangers():
            return
        for forked in self._ending:
            ended = messages.WorkerEnded(forked.worker, forked.wait_status, forked.peak, self._orphans)
            self._orphans = 0
            forked.close()
            self._channel.send(ended)
        self._ending.clear()

    def _kill_strangers(self) -> bool:
        """Kill and collect children that are not workers; return whether one is left."""
        living = {forked.pid for forked in self._workers.values()}
        while strangers := [pid for pid in processes.children() if pid not in living]:
            for pid in strangers:
                processes.kill(pid)
            left = 0
            for pid in strangers:
                if processes.collect(pid):
                    self._orphans += 1
                else:
                    left += 1
            if left == len(strangers):
                return True
        return False

    def _stop_by_signal(self, _number: int, _frame: object) -> None:
        self._end(0)

    def _end(self, status: int) -> NoReturn:
        """End everything below, then this process."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        processes.end_all_children()
        os._exit(status)
