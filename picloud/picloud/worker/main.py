"""A worker process: takes chunks from its socket, one at a time, and runs them, until it has to go."""

from __future__ import annotations

import os
import socket
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from picloud.exceptions import ProtocolError
from picloud.model.bundle import Bundle
from picloud.model.settings import Settings
from picloud.wire import messages
from picloud.wire.awake import Lookout
from picloud.wire.channel import Channel, Received
from picloud.wire.descriptors import close_all
from picloud.worker import cargo, depickling, sources
from picloud.worker.arena import Arena
from picloud.worker.context import Surroundings
from picloud.worker.kills import Flags, Kills
from picloud.worker.limits import Watch
from picloud.worker.profiling import Profiler
from picloud.worker.remarks import Remarks
from picloud.worker.reset import Baseline
from picloud.worker.results import Encoder
from picloud.worker.runner import Outlet, Runner, Task
from picloud.worker.spool import Streams
from picloud.worker.tickets import Tickets

_MAX_OUTPUT = Settings().max_output
BROKEN = 70
"""Exit status of a worker that ended through its own fault."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker process is given at its start; the descriptors are its own."""

    worker: int
    """Its id within the node's life."""
    home: str
    """The node's folder."""
    generation: str
    """The node's life."""
    socket: int
    """Connected to the node."""
    tickets: int
    """Read end of its ticket pipe."""
    arena: int
    """Its arena."""
    null: int
    """/dev/null, which jobs read."""
    out: int
    """Its spool of stdout."""
    err: int
    """Its spool of stderr."""
    log: int
    """Where it says what went wrong with itself."""


class Worker:
    """The state of a worker between chunks."""

    def __init__(self, equipment: Equipment) -> None:
        """Put everything up; no job has run."""
        self._channel = Channel(socket.socket(fileno=equipment.socket))
        self._lookout = Lookout(self._channel.fileno())
        self._inbox: deque[Received] = deque()
        self._store = cargo.Store()
        self._bundle = ""
        self._submission = 0
        self._spoiled = ""
        self._function: Callable[..., Any] | None = None
        self._profiler: Profiler | None = None
        flags = self._flags = Flags()
        arena = Arena(equipment.arena)
        name = f"{equipment.generation}-{equipment.worker}"
        self._streams = Streams(equipment.null, equipment.out, equipment.err, name, flags)
        self._streams.install()
        kills = Kills(arena, flags)
        kills.install()
        self._runner = Runner(
            equipment.worker,
            arena,
            Tickets(equipment.tickets),
            self._streams,
            flags,
            kills,
            Encoder(os.path.join(equipment.home, "segments", "incoming"), flags),
            Outlet(self._announce, self._roll),
            Remarks(arena, flags),
        )
        self._surroundings = Surroundings(
            {
                "PICLOUD_HOME": equipment.home,
                "PICLOUD_GENERATION": equipment.generation,
                "PICLOUD_WORKER": str(equipment.worker),
            }
        )
        self._watch = Watch()
        self._baseline = Baseline()
        self._id = equipment.worker

    def serve(self) -> None:
        """Run chunks until there is a reason to end, or the node is gone."""
        self._channel.send(messages.WorkerReady(self._id))
        while True:
            received = self._inbox.popleft() if self._inbox else self._channel.receive()
            message = received.message
            if isinstance(message, messages.Load):
                self._store.keep(message, received.body, received.descriptors)
            elif isinstance(message, messages.Chunk):
                done, reason = self._run(message, received)
                self._channel.send(messages.ChunkEnded(message.seq, done, reason))
                if reason:
                    return
                # Now nobody waits for it; the next submission's first item would.
                if message.count == 1:
                    # Whoever reads the answer may be on this very CPU, and after a lone job the next one often comes at once.
                    os.sched_yield()
                    self._clean()
                    self._lookout.look()
                else:
                    self._clean()
            elif not isinstance(message, (messages.Resume, messages.Rolled)):
                raise ProtocolError(f"A worker was sent an unexpected {type(message).__name__}")

    def _run(self, chunk: messages.Chunk, received: Received) -> tuple[int, str]:
        """Run a chunk; return how many items were run, and why the worker has to go, '' if it may stay."""
        try:
            reason = self._enter(chunk)
            if reason:
                return 0, reason
            assert self._function is not None
            options = chunk.options
            done = self._runner.run(
                Task(
                    seq=chunk.seq,
                    first=chunk.first + chunk.start,
                    count=chunk.count,
                    group=chunk.group,
                    attempt=chunk.attempt,
                    function=self._function,
                    items=cargo.items_of(received.body, chunk.segments, received.descriptors),
                    max_output=int(options.get("max_output", _MAX_OUTPUT)),
                    max_result=int(options.get("max_transmit_data", 0)),
                    level=int(options.get("fast_serialization", 0)),
                    label=str(options.get("label", "")),
                    profiler=self._profiler,
                )
            )
        finally:
            close_all(received.descriptors)
        if chunk.options.get("kill_process"):
            return done, "the job asked for it"
        return done, self._watch.reason()

    def _enter(self, chunk: messages.Chunk) -> str:
        """Make the process what the chunk's submission wants it to be; return why that cannot be, or ''."""
        if chunk.first == self._submission:
            return ""
        changed = self._watch.changed_module()
        if changed:
            return f"{changed} was edited"
        if self._spoiled:
            return self._spoiled
        self._function = self._profiler = None
        context = self._store.context(chunk.context)
        try:
            self._surroundings.enter(context)
            self._take_bundle(context.bundle)
            function = self._function_of(chunk)
        except Exception as error:
            function = _Failing(error)
        if chunk.options.get("profile"):
            function = self._profiler = Profiler(function, self._flags)
        self._function = function if chunk.is_map else _Spread(function)
        self._submission = chunk.first
        return ""

    def _function_of(self, chunk: messages.Chunk) -> Callable[..., Any]:
        try:
            function: Callable[..., Any] = self._store.value(chunk.function)
        except Exception as error:
            raise depickling.failure(error) from error
        return function

    def _clean(self) -> None:
        """Put back what jobs have changed; what cannot be put back ends the worker when another submission comes."""
        self._streams.install()
        self._spoiled = self._baseline.restore()
        self._surroundings.prepare()

    def _take_bundle(self, name: str) -> None:
        if name == self._bundle:
            return
        if self._bundle:
            raise ProtocolError("A worker was given the jobs of two source bundles")
        self._bundle = name
        sources.install(Bundle.decode(self._store.text(name)))
        self._baseline.note_meta_path()

    def _announce(self, seq: int) -> None:
        self._channel.send(messages.Announce(seq))

    def _roll(self, seq: int) -> None:
        self._channel.send(messages.Roll(seq))
        while True:
            received = self._channel.receive()
            if isinstance(received.message, messages.Rolled):
                return
            self._inbox.append(received)


class _Spread:
    """Calls a function with an item that is a pair of positional and keyword arguments."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, positional: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return self._function(*positional, **keywords)


class _Failing:
    """Stands for a function that could not be had: each item ends with the reason."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._traceback = error.__traceback__

    def __call__(self, *_arguments: object, **_keywords: object) -> Any:
        # Else each item would lengthen the traceback.
        raise self._error.with_traceback(self._traceback)


def run(equipment: Equipment) -> NoReturn:
    """Be a worker; never return, so that nothing of the supervisor's is ever run or freed in this process."""
    status = BROKEN
    try:
        Worker(equipment).serve()
        status = 0
    except (EOFError, ConnectionError):
        status = 0
    except BaseException:
        text = f"worker {equipment.worker} (pid {os.getpid()}) ends itself:\n{traceback.format_exc()}"
        os.write(equipment.log, text.encode(errors="replace"))
    finally:
        os._exit(status)
