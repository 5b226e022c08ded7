"""Client and node about jobs: submit, wait, read, kill, delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from picloud.wire.messages.base import Message, Ranges


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
    linger: bool = False
    """Whether the answer may be held back for a moment, so that it brings the result along if the job is that quick."""


@dataclass(frozen=True, slots=True)
class Submitted(Message):
    """The array is stored.  The body is empty, or the record of ends of a single item that has ended already."""

    first: int
    """Jid of item 0."""
    count: int
    """Items."""


@dataclass(frozen=True, slots=True)
class Alone(Message):
    """From inside a job that is about to wait: the items that share its ticket are to run elsewhere; not answered."""

    seq: int
    """The chunk."""
    index: int
    """The running item's index in it."""


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
class Watch(Message):
    """Ask to be told when each of these jobs ends; `Ended` messages follow, for jobs that have ended already at once.

    A connection that watches makes no other requests, so that it may name more jobs at any time.
    """

    jids: list[int]
    """The jobs."""


@dataclass(frozen=True, slots=True)
class Ended(Message):
    """Some of the jobs that a connection watches have ended; each is told once."""

    ends: list[list[int]]
    """For each `[jid, status code]` (`model.job`); -1 instead of the code if there is no such job any more."""


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
    facts: list[str]
    """Names of the facts wanted (`client.info` lists them); empty is all but those that are bulky or cost the node a search."""


@dataclass(frozen=True, slots=True)
class Info(Message):
    """What is known of jobs, in the order asked.  The body is a page of `model.facts`, then the bytes that facts point into."""

    length: int
    """Bytes of the page; `[offset, length]` of a fact counts from its end."""
    rest: Ranges
    """What did not fit: ask again."""


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
