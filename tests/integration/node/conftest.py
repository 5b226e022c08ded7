"""Real nodes, and a client that speaks the wire's messages itself, so that a test can say anything to them."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import cloudpickle
import psutil
import pytest

from picloud.model import arguments, facts, job, outcome
from picloud.model.context import Context, content_hash
from picloud.model.ids import JidRange
from picloud.pickling.pickler import dumps
from picloud.testing.node import NODE_MODULE, RunningNode, processes_of, running_node, stop_home, temporary_home
from picloud.wire import messages, payload
from picloud.wire.channel import Channel, Received
from picloud.wire.messages import Message

from .peer import Peer, open_peer

PATIENCE = 40.0
"""Seconds that anything may take on a busy machine."""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_M = TypeVar("_M", bound=Message)


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"it did not come to pass: {what}"
        time.sleep(0.005)


def context(**changes: Any) -> Context:
    """Return where the tests' jobs run: this interpreter, an almost empty environment."""
    values: dict[str, Any] = {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "python": PYTHON,
        "cwd": "/",
        "path": tuple(sys.path),
        "umask": 0o22,
        "environment": (("PATH", os.defpath),),
        "bundle": "",
    }
    return Context(**values | changes)


def pickled(function: Callable[..., object]) -> bytes:
    """Return a function by value, whichever module it is of: workers cannot import tests."""
    module = inspect.getmodule(function)
    by_value = module is not None and "tests" in Path(getattr(module, "__file__", None) or "").parts
    if by_value:
        cloudpickle.register_pickle_by_value(module)
    try:
        return dumps(function)
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(module)


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended."""

    status: int
    meta: dict[str, Any]
    payload: bytes
    attempt: int
    worker: int
    flags: int

    @property
    def cause(self) -> str:
        """The kind of cause; '' if it has none."""
        return str(self.meta["cause"][0]) if "cause" in self.meta else ""

    @property
    def text(self) -> str:
        """What people read of a job that did not end well."""
        return str(self.meta.get("exception"))

    def value(self) -> Any:
        """Return the result of a job that is done."""
        assert self.status == job.DONE, self.meta
        return payload.load(self.payload)


class Refused(Exception):  # noqa: N818 - a test reads: with pytest.raises(Refused)
    """The node answered with a failure."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(f"{facts['code']}: {facts['message']}")
        self.code: str = facts["code"]
        self.facts = facts


class Client:
    """One connection to a node."""

    def __init__(self, home: Path, *, name: str | None = None, worker: int | None = None, greet: bool = True) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        try:
            sock.connect(str(home / "node.sock"))
        except BaseException:
            sock.close()
            raise
        self.home = home
        self.channel = Channel(sock)
        self.name = name or secrets.token_hex(8)
        self.sequence = 0
        self.welcome: messages.Welcome
        if greet:
            hello = messages.Hello(version="0", client=self.name, pid=os.getpid(), worker=worker, attached=False)
            self.welcome = self.ask(messages.Welcome, hello)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()

    def exchange(self, message: Message, *body: bytes) -> Received:
        """Ask, and return the whole answer.

        Raises:
            Refused: if it is a failure.
        """
        self.channel.send(message, body)
        return self.receive()

    def receive(self) -> Received:
        """Return the next answer, as `exchange` does."""
        received = self.channel.receive()
        if isinstance(received.message, messages.Failure):
            raise Refused(received.message.facts)
        return received

    def ask(self, kind: type[_M], message: Message, *body: bytes) -> _M:
        """Ask, and return the answer of the kind that is expected."""
        return messages.expect(self.exchange(message, *body).message, kind)

    def blob(self, content: bytes) -> str:
        """Send content; return its hash."""
        name = content_hash(content)
        self.channel.send(messages.Blob(name, ""), (content,))
        return name

    def order(
        self,
        function: Callable[..., object] | bytes,
        count: int,
        *,
        is_map: bool = False,
        where: Context | None = None,
        sequence: int | None = None,
        parent: int | None = None,
        **options: Any,
    ) -> messages.Submit:
        """Send a function and its context; return the submission that would run it."""
        code = function if isinstance(function, bytes) else pickled(function)
        if sequence is None:
            self.sequence += 1
        return messages.Submit(
            sequence=self.sequence if sequence is None else sequence,
            count=count,
            function=self.blob(code),
            context=self.blob((where or context()).encode()),
            name="test.function",
            is_map=is_map,
            parent=parent,
            hostname="testhost",
            options=options,
        )

    def call(self, function: Callable[..., object] | bytes, *values: object, **options: Any) -> int:
        """Submit one job; return its jid."""
        item = cloudpickle.dumps((values, {}))
        return self.ask(messages.Submitted, self.order(function, 1, **options), arguments.encode_items([item])).first

    def map(self, function: Callable[..., object] | bytes, values: Sequence[object], **options: Any) -> JidRange:
        """Submit a job for each value; return their jids."""
        record = arguments.encode_items([pickle.dumps((value,)) for value in values])
        first = self.ask(messages.Submitted, self.order(function, len(values), is_map=True, **options), record).first
        return first, first + len(values)

    def wait(self, *jids: int | JidRange, mode: str = "all", timeout: float | None = PATIENCE) -> messages.Waited:
        """Wait for jobs."""
        return self.ask(messages.Waited, messages.Wait(ranges(*jids), mode, timeout))

    def ends(self, *jids: int | JidRange, mode: str = "all", limit: int = 1 << 20) -> dict[int, End]:
        """Wait for jobs, and return how they ended, by jid; all pages."""
        found: dict[int, End] = {}
        left = ranges(*jids)
        while left:
            received = self.exchange(messages.GetEnds(left, mode, PATIENCE, limit))
            page = messages.expect(received.message, messages.EndsPage)
            at = 0
            for first, count, length in page.pieces:
                ends = outcome.decode(received.body[at : at + length])
                at += length
                assert ends.count == count
                for index in range(count):
                    row = ends.row(index)
                    found[first + index] = End(
                        row.status, ends.meta(row), bytes(ends.payload(row)), ends.attempt, ends.worker, row.flags
                    )
            left = page.rest
        return found

    def end(self, jid: int) -> End:
        """Wait for a job, and return how it ended."""
        return self.ends(jid)[jid]

    def result(self, jid: int) -> Any:
        """Wait for a job, and return its result."""
        return self.end(jid).value()

    def statuses(self, *jids: int | JidRange) -> list[int]:
        """Return status codes."""
        received = self.exchange(messages.GetStatus(ranges(*jids)))
        messages.expect(received.message, messages.Statuses)
        return list(received.body)

    def status(self, jid: int) -> int:
        """Return one status code."""
        return self.statuses(jid)[0]

    def until_status(self, jid: int, code: int) -> None:
        """Wait until a job has a status."""
        until(lambda: self.status(jid) == code, f"job {jid} is {job.BY_CODE[code]}")

    def until_done(self, jids: JidRange, count: int) -> None:
        """Wait until so many of an array are done."""
        until(lambda: self.statuses(jids).count(job.DONE) >= count, f"{count} are done")

    def info(self, jid: int, *keys: str) -> dict[str, Any]:
        """Return what is known of a job."""
        return self.infos(ranges(jid), *keys)[0]

    def infos(self, asked: messages.Ranges, *keys: str) -> list[dict[str, Any]]:
        """Return what is known of jobs; content that a fact points at stands in its place."""
        found: list[dict[str, Any]] = []
        while asked:
            received = self.exchange(messages.GetInfo(asked, list(keys)))
            message = messages.expect(received.message, messages.Info)
            page, body = received.body[: message.length], received.body[message.length :]
            for known in facts.decode(page):
                for name in known.keys() & {"args", "func_object"}:
                    start, length = known[name]
                    known[name] = body[start : start + length]
                found.append(known)
            asked = message.rest
        return found

    def kill(self, *jids: int | JidRange) -> None:
        """Kill jobs; all of them if none is named."""
        self.ask(messages.Accepted, messages.Kill(ranges(*jids) if jids else None))

    def delete(self, *jids: int | JidRange) -> None:
        """Forget jobs."""
        self.ask(messages.Accepted, messages.Delete(ranges(*jids)))

    def node(self) -> dict[str, Any]:
        """Return the node's facts."""
        return self.ask(messages.NodeFacts, messages.NodeStatus()).facts


def ranges(*jids: int | JidRange) -> list[list[int]]:
    """Return jids and ranges of them as messages have them."""
    return [[jid, jid + 1] if isinstance(jid, int) else list(jid) for jid in jids]


class Gate:
    """Jobs that run until they are let go: each notes its pid when it starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def job(self, *, bound: bool = False) -> Callable[..., object]:
        """Return a function that waits at the gate and returns its argument; with `bound` it ignores SIGINT meanwhile."""
        place = str(self.folder)

        def wait_at_the_gate(value: object = None) -> object:
            import os
            import signal
            import time

            if bound:
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            with open(f"{place}/{time.time_ns()}.{os.getpid()}", "x"):
                pass
            while not os.path.exists(f"{place}/open"):
                time.sleep(0.005)
            return value

        return wait_at_the_gate

    def pids(self) -> list[int]:
        """Return the worker of each start so far, in order."""
        return [int(path.suffix[1:]) for path in sorted(self.folder.glob("*.*"))]

    def wait(self, count: int = 1) -> list[int]:
        """Wait until so many have started."""
        until(lambda: len(self.pids()) >= count, f"{count} jobs have started")
        return self.pids()

    def open(self) -> None:
        """Let all go."""
        (self.folder / "open").touch()


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Give a worker of which only the node's side runs."""
    with open_peer() as made:
        yield made


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Give a closed gate; whoever still waits at the end goes."""
    made = Gate(tmp_path / "gate")
    yield made
    made.open()


Run = Callable[..., AbstractContextManager[RunningNode]]


@contextmanager
def changed_node(home: Path, change: str, **settings: str) -> Iterator[RunningNode]:
    """Run a node in which some times are shorter than people's patience: `change` is a statement that sets them."""
    program = f"import sys; {change}; from picloud.node.main import main; sys.exit(main())"
    environment = (
        os.environ | {"PICLOUD_DURABILITY": "process", "PICLOUD_CPUS": "2", "PICLOUD_HOME": str(home)} | settings
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program, "--home", str(home), "--foreground"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["ready"]
            yield RunningNode(home, process)
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture
def run(home: Path) -> Run:
    """Give a function that runs nodes, one after the other, on one home."""

    def run_node(**settings: str) -> AbstractContextManager[RunningNode]:
        chosen = {"PICLOUD_DURABILITY": "process", "PICLOUD_CPUS": "2"} | settings
        return running_node(home, patience=PATIENCE, **chosen)

    return run_node


@pytest.fixture(scope="session")
def shared_home() -> Iterator[Path]:
    """Give the home of a node that many tests share; it is a daemon, as it is in real life."""
    home = temporary_home()
    environment = os.environ | {"PICLOUD_HOME": str(home), "PICLOUD_DURABILITY": "process", "PICLOUD_CPUS": "2"}
    assert start(home, environment)["ready"]
    yield home
    left = stop_home(home)
    log = (home / "node.log").read_text()
    shutil.rmtree(home, ignore_errors=True)
    assert not left, f"outlived the shared node: {left}"
    assert re.findall(r" (?:ERROR|CRITICAL) (?:asyncio|picloud.node.sessions): .*", log) == []


@pytest.fixture
def client(shared_home: Path) -> Iterator[Client]:
    """Give a client of the shared node; afterwards its node must be well, and no job left unfinished."""
    with Client(shared_home) as made:
        yield made
    with Client(shared_home) as last:
        last.kill()
        until(lambda: last.node()["unfinished"] == 0, "no job is left")


def start(home: Path, environment: dict[str, str] | None = None, *options: str) -> dict[str, Any]:
    """Start a node as clients do, and return what its one line says."""
    process = subprocess.run(
        [sys.executable, "-P", "-m", NODE_MODULE, "--home", str(home), *options],
        env=environment or os.environ | {"PICLOUD_HOME": str(home), "PICLOUD_CPUS": "2"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    (line,) = process.stdout.splitlines()
    facts: dict[str, Any] = json.loads(line)
    return facts


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until_dead(pid: int) -> None:
    """Wait for the end of a process."""
    until(lambda: not alive(pid), f"process {pid} has ended")


def gone(home: Path) -> bool:
    """Return whether no process carries a home."""
    return not processes_of(home)


def supervisors(node: int) -> list[psutil.Process]:
    """Return the supervisors of a node."""
    children = psutil.Process(node).children()
    return [child for child in children if alive(child.pid) and "--fd" in child.cmdline()]
