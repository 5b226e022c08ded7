"""A small node for one supervisor: it starts workers, hands out chunks, reads arenas, and knows nothing of arrays or stores."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import pickle
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest

from picloud.model import arena, arguments, outcome
from picloud.model.bundle import Bundle
from picloud.model.context import Context, content_hash
from picloud.model.outcome import RowFlag
from picloud.pickling.pickler import dumps
from picloud.testing.node import temporary_home
from picloud.wire import messages, payload
from picloud.wire.channel import Channel, Received

ROOT = Path(__file__).parents[3] / "picloud"
PATIENCE = 20.0
BOOT = "import sys; sys.path.append(sys.argv[1]); del sys.argv[1]; from picloud.worker.boot import main; main()"


@dataclass(slots=True)
class End:
    """One item's end, decoded."""

    status: int
    meta: dict[str, Any]
    payload: bytes
    flags: int
    runtime: float
    home: Path

    def value(self) -> Any:
        """Return the result."""
        if self.flags & RowFlag.RESULT_SEGMENT:
            descriptor = os.open(self.home / "segments" / "incoming" / self.payload.decode(), os.O_RDONLY)
            try:
                return payload.load_segment(descriptor)
            finally:
                os.close(descriptor)
        return payload.load(self.payload)

    def error(self) -> BaseException:
        """Return the exception that travelled."""
        assert self.flags & RowFlag.EXCEPTION_PICKLED, self.meta
        error = pickle.loads(self.payload)
        assert isinstance(error, BaseException)
        return error

    def output(self, key: str = "out") -> bytes:
        """Return what the item wrote, as far as it was kept."""
        found = self.meta.get(key, "")
        if isinstance(found, str):
            return found.encode()
        text = (self.home / "spool" / f"{self.meta['spool']}.{key}").read_bytes()
        start, length, *rest = found
        if rest:
            head, tail = rest
            return text[start : start + head] + text[start + length - tail : start + length]
        return text[start : start + length]


@dataclass(slots=True)
class Work:
    """A chunk that was handed out."""

    seq: int
    count: int
    group: int
    tickets: int
    ends: list[End] = field(default_factory=list)
    heap_from: int = 0
    done: int | None = None
    retire: str = ""


class WorkerHandle:
    """One worker as its node sees it."""

    def __init__(self, driver: Driver, worker: int, pid: int, descriptors: list[int]) -> None:
        self.driver = driver
        self.id = worker
        self.pid = pid
        self.channel = Channel(socket.socket(fileno=descriptors[0]))
        self.channel.socket.settimeout(PATIENCE)
        self.reader, self.writer, memory, self.out, self.err = descriptors[1:]
        self.arena = mmap.mmap(memory, arena.SIZE)
        os.close(memory)
        self.seq = 0
        self.holds: set[str] = set()
        self.work: Work | None = None
        assert isinstance(self.channel.receive().message, messages.WorkerReady)

    def u64(self, position: int) -> int:
        return int(arena.U64.unpack_from(self.arena, position)[0])

    def current(self) -> int:
        return int(arena.I64.unpack_from(self.arena, arena.CURRENT)[0])

    def load(self, kind: str, content: bytes) -> str:
        name = content_hash(content)
        if name not in self.holds:
            self.channel.send(messages.Load(kind, name, False), (content,))
            self.holds.add(name)
        return name

    def send(
        self,
        function: Any,
        items: Sequence[Any],
        *,
        group: int = 1,
        first: int | None = None,
        start: int = 0,
        context: Context | None = None,
        is_map: bool = True,
        record: bytes | None = None,
        segments: Sequence[str] = (),
        descriptors: Sequence[int] = (),
        bundle: Bundle | None = None,
        **options: Any,
    ) -> Work:
        """Hand out a chunk: tickets, contents, frame; each is a submission of its own unless `first` says otherwise."""
        self.seq += 1
        count = len(items)
        work = self.work = Work(self.seq, count, group, -(-count // group))
        os.write(self.writer, bytes((self.seq & 0xFF,)) * work.tickets)
        context = context or self.driver.context(bundle=bundle)
        if bundle is not None:
            assert self.load("bundle", bundle.encode()) == context.bundle
        with tests_by_value():
            pickled = function if isinstance(function, bytes) else dumps(function)
            record = record or arguments.encode_items([dumps(item) for item in items])
        self.channel.send(
            messages.Chunk(
                seq=self.seq,
                first=self.driver.next_first() if first is None else first,
                start=start,
                count=count,
                group=group,
                attempt=1,
                function=self.load("function", pickled),
                context=self.load("context", context.encode()),
                is_map=is_map,
                segments=list(segments),
                options=options,
            ),
            (record,),
            descriptors,
        )
        return work

    def steal(self, keep: int | None = None) -> int:
        """Take back the tail; return how many items stay the worker's."""
        work = self.work
        assert work is not None
        unread = int(struct.unpack("i", fcntl.ioctl(self.reader, termios.FIONREAD, bytes(4)))[0])
        wanted = unread if keep is None else min(unread, work.tickets - -(-keep // work.group))
        if wanted > 0:
            try:
                taken = len(os.read(self.reader, wanted))
            except BlockingIOError:
                taken = 0
            work.tickets -= taken
            if taken:
                work.count = work.tickets * work.group
        return work.count

    def harvest(self) -> list[End]:
        """Copy ends that have come since the last look."""
        work = self.work
        assert work is not None
        base, done = self.u64(arena.BASE), self.u64(arena.DONE)
        if self.u64(arena.SEQ) != work.seq:
            return []
        found = []
        for row in range(len(work.ends) - base, done):
            status, flags, _, offset, meta, result, _started, runtime = outcome.ROW.unpack_from(
                self.arena, arena.ROWS_AT + row * outcome.ROW.size
            )
            at = arena.HEAP_AT + offset
            facts = json.loads(self.arena[at : at + meta]) if meta else {}
            found.append(
                End(status, facts, self.arena[at + meta : at + meta + result], flags, runtime, self.driver.home)
            )
        work.ends += found
        return found

    def finish(self) -> list[End]:
        """Wait for the chunk's end, answering rolls; return all its ends."""
        work = self.work
        assert work is not None
        while work.done is None:
            self.handle(self.channel.receive())
        self.harvest()
        return work.ends

    def listen(self) -> bool:
        """Handle what the worker has said; return whether the chunk has ended."""
        work = self.work
        assert work is not None
        while work.done is None and select.select([self.channel], [], [], 0)[0]:
            self.handle(self.channel.receive())
        return work.done is not None

    def handle(self, received: Received) -> None:
        work = self.work
        assert work is not None
        message = received.message
        if isinstance(message, messages.Roll):
            self.harvest()
            self.channel.send(messages.Rolled(work.seq))
        elif isinstance(message, messages.ChunkEnded):
            work.done, work.retire = message.done, message.retire
        else:
            assert isinstance(message, messages.Announce), message

    def run(self, function: Any, items: Sequence[Any], **options: Any) -> list[End]:
        """Hand out a chunk and wait for its end."""
        self.send(function, items, **options)
        return self.finish()

    def run_all(
        self,
        function: Any,
        items: Sequence[Any],
        *,
        record: bytes | None = None,
        first: int | None = None,
        **options: Any,
    ) -> list[End]:
        """Do so until all have run: what its worker left behind an item that took long is handed out again."""
        first = self.driver.next_first() if first is None else first
        ends: list[End] = []
        while True:
            left = items[len(ends) :]
            work = self.send(
                function,
                left,
                first=first,
                start=len(ends),
                record=arguments.cut(record, len(ends), len(items)) if record else None,
                **options,
            )
            ends += self.finish()
            self.steal()
            if work.retire or not work.ends or len(ends) == len(items):
                return ends

    def call(self, function: Any, *values: Any, **options: Any) -> End:
        """Run one item of its own submission."""
        return self.run(function, [(values, {})], is_map=False, **options)[0]

    def wait_current(self, index: int) -> None:
        """Wait until an item runs."""
        until(lambda: self.current() == index and self.u64(arena.SEQ) == self.seq, f"item {index} runs")

    def aim(self, index: int, reason: int = arena.KILLED_BY_USER, limit: float = 0.0, *, ahead: int = 0) -> None:
        """Say which item the next SIGINT is for, of this chunk or of one that is still to come."""
        arena.U64.pack_into(self.arena, arena.KILL_REASON, reason)
        arena.F64.pack_into(self.arena, arena.KILL_LIMIT, limit)
        arena.I64.pack_into(self.arena, arena.KILL_INDEX, index)
        arena.U64.pack_into(self.arena, arena.KILL_SEQ, self.seq + ahead)

    def interrupt(self, index: int, reason: int = arena.KILLED_BY_USER, limit: float = 0.0) -> None:
        """Kill the running item as the node does first."""
        self.aim(index, reason, limit)
        self.driver.channel.send(messages.SignalWorker(self.id, signal.SIGINT))

    def close(self) -> None:
        self.channel.close()
        for descriptor in (self.reader, self.writer, self.out, self.err):
            os.close(descriptor)
        self.arena.close()


class Driver:
    """The node's side of one supervisor."""

    def __init__(self, home: Path, *, watched: int = 0, **environment: str) -> None:
        self.home = home
        for folder in ("spool", "segments/incoming"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-c",
                BOOT,
                str(ROOT),
                "--fd",
                str(theirs.fileno()),
            ],
            stdin=subprocess.DEVNULL,
            env={"PATH": os.defpath, "HOME": str(home), "PICLOUD_HOME": str(home)} | environment,
            cwd="/",
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        theirs.close()
        self.channel = Channel(ours)
        ours.settimeout(PATIENCE)
        self.workers: dict[int, WorkerHandle] = {}
        self.ended: dict[int, messages.WorkerEnded] = {}
        self._first = 0
        self._worker = 0
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        ready = self.channel.request(messages.Configure(str(home), "generation-1", watched, version)).message
        assert isinstance(ready, messages.SupervisorReady)
        self.ready = ready

    def next_first(self) -> int:
        self._first += 1_000_000
        return self._first

    def context(self, *, bundle: Bundle | None = None, **changes: Any) -> Context:
        """Return a context of this test's own interpreter."""
        facts: dict[str, Any] = {
            "executable": sys.executable,
            "prefix": sys.prefix,
            "python": self.ready.python,
            "cwd": str(self.home),
            "path": tuple(sys.path),
            "umask": 0o022,
            "environment": (("HOME", str(self.home)), ("PATH", os.defpath)),
            "bundle": content_hash(bundle.encode()) if bundle is not None else "",
        }
        return Context(**facts | changes)

    def worker(self, cpus: Sequence[int] = (), **environment: str) -> WorkerHandle:
        """Start a worker."""
        self._worker += 1
        self.channel.send(messages.StartWorker(self._worker, list(cpus), environment))
        while True:
            received = self.channel.receive()
            message = received.message
            if isinstance(message, messages.WorkerStarted):
                handle = WorkerHandle(self, message.worker, message.pid, received.descriptors)
                self.workers[message.worker] = handle
                return handle
            assert isinstance(message, messages.WorkerEnded), message
            self.ended[message.worker] = message

    def kill(self, worker: WorkerHandle) -> None:
        """Kill a worker and its tree, as the node does after a second."""
        self.channel.send(messages.SignalWorker(worker.id, signal.SIGKILL))

    def wait_ended(self, worker: WorkerHandle) -> messages.WorkerEnded:
        """Wait until a worker is gone."""
        while worker.id not in self.ended:
            message = self.channel.receive().message
            assert isinstance(message, messages.WorkerEnded), message
            self.ended[message.worker] = message
        return self.ended[worker.id]

    def stop(self) -> None:
        """End everything by closing the stream."""
        self.channel.close()
        for worker in self.workers.values():
            worker.close()
        self.process.wait(PATIENCE)


@contextmanager
def tests_by_value() -> Iterator[None]:
    """Let what stands in a test's module travel by value, as what stands in a script does: workers cannot import tests."""
    found = [module for name, module in list(sys.modules.items()) if name.startswith(("tests.", "test_"))]
    for module in found:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in found:
            cloudpickle.unregister_pickle_by_value(module)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something, at most for the patience."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain: {what}")
        select.select([], [], [], 0.005)


def alive(pid: int) -> bool:
    """Return whether a process runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def running(home: Path, **options: Any) -> Iterator[Driver]:
    driver = Driver(home, **options)
    try:
        yield driver
    finally:
        driver.stop()


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    """Give a supervisor that the tests of a module share."""
    home = temporary_home()
    with running(home) as started:
        yield started
    shutil.rmtree(home)


@pytest.fixture
def own_driver(home: Path) -> Iterator[Driver]:
    """Give a supervisor that the test may destroy."""
    with running(home) as started:
        yield started


@pytest.fixture
def hire(driver: Driver) -> Iterator[Callable[..., WorkerHandle]]:
    """Give what starts workers; they are gone after the test, with all that their jobs started."""
    hired: list[WorkerHandle] = []

    def start(cpus: Sequence[int] = (), **environment: str) -> WorkerHandle:
        hired.append(driver.worker(cpus, **environment))
        return hired[-1]

    yield start
    for handle in hired:
        driver.kill(handle)
        driver.wait_ended(handle)
        del driver.workers[handle.id]
        handle.close()


@pytest.fixture
def worker(hire: Callable[[], WorkerHandle]) -> WorkerHandle:
    """Give a worker."""
    return hire()
