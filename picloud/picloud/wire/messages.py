"""The messages of the three conversations, as frozen dataclasses, and their one codec.

client ↔ node, node ↔ supervisor, node ↔ worker.  A header is the JSON list `[kind, field, field, ...]` in the order of
the fields; a field is added only at the end, with a raised `frames.PROTOCOL`.  What a body holds is said by each class.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from picloud.exceptions import ProtocolError

Ranges = list[list[int]]
"""Jid ranges as JSON: `[[first, behind last], ...]`."""


@dataclass(frozen=True, slots=True)
class Message:
    """The base of all messages."""


# --- both ways -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failure(Message):
    """The request could not be done; the facts rebuild an error of `picloud.exceptions`."""

    facts: dict[str, Any]
    """`CloudException.to_wire`."""


@dataclass(frozen=True, slots=True)
class Accepted(Message):
    """The request was done and has nothing else to say."""


# --- client → node ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """The first message of a client's connection; answered by `Welcome`."""

    version: str
    """Version of the client's picloud."""
    client: str
    """Random id of this connection, kept when it reconnects: with a sequence number it names a submission."""
    pid: int
    """The client's process."""
    worker: int | None
    """If the client is job code: the id of the worker that it runs in."""
    attached: bool
    """Whether the node is private to this client and ends with it."""


@dataclass(frozen=True, slots=True)
class Welcome(Message):
    """The answer to `Hello`."""

    version: str
    """Version of the node's picloud."""
    pid: int
    """The node's process."""
    generation: str
    """Random id of this life of the node."""
    home: str
    """Its folder."""
    durability: str
    """`power` or `process`."""
    cpus: list[int]
    """CPUs that jobs may use."""
    limits: dict[str, Any]
    """Settings in force."""


@dataclass(frozen=True, slots=True)
class Blob(Message):
    """Content-addressed bytes that a submission behind it names; not answered.  The body is the content."""

    hash: str
    """`context.content_hash` of the content."""
    segment: str
    """Id of the segment under `incoming` that holds the content instead of the body; '' if the body does."""


@dataclass(frozen=True, slots=True)
class Part(Message):
    """Some arguments of the submission that is under way on this connection; not answered.  The body is an arguments record."""

    sequence: int
    """The submission's number."""
    start: int
    """Index of the first item."""


@dataclass(frozen=True, slots=True)
class Submit(Message):
    """Submit a job array; answered by `Submitted`.  The body is an arguments record, or empty if parts went before."""

    sequence: int
    """Number of this submission on this connection, from 1."""
    count: int
    """Items."""
    function: str
    """Hash of the function's blob."""
    context: str
    """Hash of the context's blob."""
    name: str
    """The function as people know it."""
    is_map: bool
    """Whether items are tuples of positional arguments, or one call's (args, kwargs)."""
    parent: int | None
    """Jid of the submitting job, if it is one."""
    hostname: str
    """The client's host."""
    options: dict[str, Any]
    """Fields of `model.array.JobOptions` that differ from their defaults; `depends_on` as ranges."""


@dataclass(frozen=True, slots=True)
class Submitted(Message):
    """The array is stored.  The body is empty, or the record of ends of a single item that has ended already."""

    first: int
    """Jid of item 0."""
    count: int
    """Items."""


@dataclass(frozen=True, slots=True)
class Wait(Message):
    """Wait until jobs have ended; answered by `Waited`."""

    ranges: Ranges
    """The jobs."""
    mode: str
    """`all`: every one has ended; `failure`: every one, or one did not end as done; `any`: at least one has ended."""
    timeout: float | None
    """Seconds; 0 looks once; None waits without limit."""


@dataclass(frozen=True, slots=True)
class Waited(Message):
    """The answer to `Wait`."""

    satisfied: bool
    """Whether what was waited for has happened; else the time is over."""
    unfinished: Ranges
    """The jobs that have not ended."""
    failed: int | None
    """The first job, in the order asked, that ended and not as done."""


@dataclass(frozen=True, slots=True)
class GetStatus(Message):
    """Ask for statuses; answered by `Statuses`."""

    ranges: Ranges
    """The jobs."""


@dataclass(frozen=True, slots=True)
class Statuses(Message):
    """The body is one status code (`model.job`) a job, in the order asked."""


@dataclass(frozen=True, slots=True)
class GetEnds(Message):
    """Wait as `Wait` does, then ask how jobs ended, and for their results; answered by `EndsPage`, or `Waited` if not satisfied."""

    ranges: Ranges
    """The jobs."""
    mode: str
    """As in `Wait`; '' does not wait: unfinished jobs are left out."""
    timeout: float | None
    """As in `Wait`."""
    limit: int
    """Bytes after which the page ends; at least one piece is always given."""


@dataclass(frozen=True, slots=True)
class EndsPage(Message):
    """Records of ends.  The body is the records end to end; descriptors are the segments named, in that order."""

    pieces: list[list[int]]
    """For each record `[jid of its first item, items, length in bytes]`, in the order asked."""
    segments: list[str]
    """Ids of the segments whose descriptors came along."""
    rest: Ranges
    """What did not fit on this page: ask again."""


@dataclass(frozen=True, slots=True)
class GetInfo(Message):
    """Ask what is known of jobs; answered by `Info`."""

    ranges: Ranges
    """The jobs."""
    keys: list[str]
    """Keys of api `info`; the node gives facts, the client builds the values."""


@dataclass(frozen=True, slots=True)
class Info(Message):
    """One dict of facts for each job, in the order asked.  The body holds bytes that facts point into as `[offset, length]`."""

    jobs: list[dict[str, Any]]
    """Facts by key."""


@dataclass(frozen=True, slots=True)
class Kill(Message):
    """Kill jobs; answered by `Accepted` once it is on its way and stored for those that do not run."""

    ranges: Ranges | None
    """The jobs; None is every unfinished one."""


@dataclass(frozen=True, slots=True)
class Delete(Message):
    """Forget ended jobs; answered by `Accepted`."""

    ranges: Ranges
    """The jobs."""


@dataclass(frozen=True, slots=True)
class Collect(Message):
    """Find, and delete unless it is a dry run, ended jobs by what `picloud gc` asks; answered by `Collected`."""

    dry_run: bool
    """Whether nothing is deleted."""
    older_than: float | None
    """Seconds since they ended."""
    label: str | None
    """Their label."""
    states: list[str]
    """Their statuses; empty is all finished ones."""
    larger_than: int | None
    """Bytes that their array takes."""


@dataclass(frozen=True, slots=True)
class Collected(Message):
    """What `Collect` found."""

    arrays: list[dict[str, Any]]
    """One dict an array: first, count, name, label, finished, bytes, counts by status."""
    bytes: int
    """Bytes together."""


@dataclass(frozen=True, slots=True)
class ListArrays(Message):
    """Ask for arrays, newest first; answered by `Arrays`."""

    before: int | None
    """Only arrays with smaller jids; None starts at the newest."""
    limit: int
    """How many at most."""
    label: str | None
    """Only those with this label."""


@dataclass(frozen=True, slots=True)
class Arrays(Message):
    """One dict an array: first, count, name, label, created, counts by status."""

    arrays: list[dict[str, Any]]
    """Newest first."""


@dataclass(frozen=True, slots=True)
class NodeStatus(Message):
    """Ask how the node is; answered by `NodeFacts`."""


@dataclass(frozen=True, slots=True)
class NodeFacts(Message):
    """Facts about the node: counts, workers, store size, uptime, settings."""

    facts: dict[str, Any]
    """By name."""


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """End the node gracefully; answered by `Accepted` before it goes."""


@dataclass(frozen=True, slots=True)
class Check(Message):
    """Walk the whole store; answered by `NodeFacts` with the report."""


@dataclass(frozen=True, slots=True)
class Backup(Message):
    """Copy the store into a folder; answered by `NodeFacts`."""

    directory: str
    """Absolute path of an empty or missing folder."""


# --- node → supervisor -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configure(Message):
    """The first message to a supervisor; answered by `SupervisorReady`."""

    home: str
    """Folder of the node."""
    generation: str
    """The node's life; workers carry it in their environment as PICLOUD_GENERATION."""
    node: int
    """Pid of the node, to be watched by pidfd where that is possible; 0 if it is on another host."""
    python: str
    """Minor version of Python that jobs need, such as '3.11'."""


@dataclass(frozen=True, slots=True)
class StartWorker(Message):
    """Fork a worker; answered by `WorkerStarted` or `WorkerFailed`."""

    worker: int
    """Id within the node's life."""
    cpus: list[int]
    """CPUs to run on; empty leaves them."""
    environment: dict[str, str]
    """Variables that libraries read at start, set before anything is imported."""


@dataclass(frozen=True, slots=True)
class SignalWorker(Message):
    """Send a signal to a worker; SIGKILL also ends its whole tree.  Not answered; the end is told by `WorkerEnded`."""

    worker: int
    """Its id."""
    signal: int
    """The signal's number."""


@dataclass(frozen=True, slots=True)
class StopSupervisor(Message):
    """End all workers, then the supervisor."""


# --- supervisor → node -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SupervisorReady(Message):
    """The supervisor can fork workers."""

    pid: int
    """Its process."""
    python: str
    """Its minor version of Python."""
    cloudpickle: str
    """Its version of cloudpickle."""


@dataclass(frozen=True, slots=True)
class WorkerStarted(Message):
    """A worker exists.  Descriptors: its socket, ticket pipe's read end, write end, arena, stdout spool, stderr spool."""

    worker: int
    """Its id."""
    pid: int
    """Its process."""
    start_time: int
    """Its start time in clock ticks (field 22 of /proc/PID/stat), which with boot id and pid names it."""


@dataclass(frozen=True, slots=True)
class WorkerFailed(Message):
    """A worker could not be started."""

    worker: int
    """Its id."""
    reason: str
    """Why."""


@dataclass(frozen=True, slots=True)
class WorkerEnded(Message):
    """A worker and everything that it had started are gone."""

    worker: int
    """Its id."""
    status: int
    """As of waitpid."""
    peak: int
    """Largest resident set in bytes of the worker itself."""
    orphans: int
    """How many processes had to be ended after it."""


# --- node → worker ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load(Message):
    """Content that a chunk behind it names; not answered.  The body is the content, or a descriptor of its segment comes along."""

    kind: str
    """`function`, `context` or `bundle`."""
    hash: str
    """Its hash."""
    segment: bool
    """Whether it is in the segment whose descriptor came along."""


@dataclass(frozen=True, slots=True)
class Chunk(Message):
    """Run items.  The tickets are in the pipe already.  The body is an arguments record; descriptors are its segments."""

    seq: int
    """Number of this chunk on this worker, from 1; its low byte is each ticket."""
    first: int
    """The array's first jid."""
    start: int
    """Index of the chunk's first item in the array."""
    count: int
    """Items."""
    group: int
    """Items a ticket."""
    attempt: int
    """Which attempt of these items this is, from 1."""
    function: str
    """Hash of the function."""
    context: str
    """Hash of the context."""
    is_map: bool
    """Whether items are tuples of positional arguments, or one call's (args, kwargs)."""
    segments: list[str]
    """Ids of the segments whose descriptors came along, in order."""
    options: dict[str, Any]
    """What the worker needs of the job's options: kill_process, fast_serialization, profile, max_output, max_transmit_data."""


@dataclass(frozen=True, slots=True)
class Rolled(Message):
    """The node has copied what the arena held; the worker may begin it anew."""

    seq: int
    """The chunk."""


@dataclass(frozen=True, slots=True)
class Resume(Message):
    """A job that waited inside for other jobs has its core again (answer to the wait comes to the job's own connection)."""


# --- worker → node ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerReady(Message):
    """The worker waits for its first chunk."""

    worker: int
    """Its id."""


@dataclass(frozen=True, slots=True)
class Announce(Message):
    """Ended items lie in the arena."""

    seq: int
    """The chunk."""


@dataclass(frozen=True, slots=True)
class Roll(Message):
    """The arena is full: copy what it holds and answer `Rolled`."""

    seq: int
    """The chunk."""


@dataclass(frozen=True, slots=True)
class ChunkEnded(Message):
    """All items whose tickets the worker took have ended and lie in the arena."""

    seq: int
    """The chunk."""
    done: int
    """Items run, from the chunk's start."""
    retire: str
    """Why the worker ends itself now; '' if it stays."""


KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in Message.__subclasses__()}
"""Every message class by the name that stands in the header."""


def _checker(hint: Any) -> tuple[type, ...]:
    """Return the classes that a decoded field may have."""
    if get_origin(hint) in (Union, UnionType):
        return tuple(kind for part in get_args(hint) for kind in _checker(part))
    origin = get_origin(hint) or hint
    return (int, float) if origin is float else (origin,)


_GETTERS: dict[type[Message], Callable[[Any], Any]] = {}
_SHAPES: dict[str, tuple[type[Message], tuple[tuple[type, ...], ...]]] = {}
for _name, _kind in KINDS.items():
    _names = [field.name for field in fields(_kind)]
    _hints = get_type_hints(_kind)
    _GETTERS[_kind] = attrgetter(*_names) if _names else lambda _message: ()
    _SHAPES[_name] = (_kind, tuple(_checker(_hints[name]) for name in _names))

_encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, check_circular=False).encode
_M = TypeVar("_M", bound=Message)


def encode(message: Message) -> bytes:
    """Return the header of a message."""
    kind = type(message)
    values = _GETTERS[kind](message)
    if len(_SHAPES[kind.__name__][1]) == 1:
        values = (values,)
    return _encode_json((kind.__name__, *values)).encode()


def decode(header: bytes) -> Message:
    """Return the message of a header.

    Raises:
        ProtocolError: if it is not one of this protocol: unknown kind, wrong number of fields, or a field of another type.
    """
    try:
        name, *values = json.loads(header)
        kind, shape = _SHAPES[name]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ProtocolError("A frame's header is not a message of this protocol") from error
    if len(values) != len(shape) or not all(map(isinstance, values, shape)):
        raise ProtocolError(f"A {name} message does not have the fields of this protocol")
    return kind(*values)


def expect(message: Message, kind: type[_M]) -> _M:
    """Return the message if it is of the kind.

    Raises:
        ProtocolError: if it is another one.
    """
    if not isinstance(message, kind):
        raise ProtocolError(f"Expected a {kind.__name__} message, got {type(message).__name__}")
    return message
