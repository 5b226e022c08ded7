"""Node and worker: chunks of items and their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from picloud.wire.messages.base import Message


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
    """What the worker needs of the job's options: kill_process, fast_serialization, label, max_output, max_transmit_data."""


@dataclass(frozen=True, slots=True)
class Rolled(Message):
    """The node has copied what the arena held; the worker may begin it anew."""

    seq: int
    """The chunk."""


@dataclass(frozen=True, slots=True)
class Resume(Message):
    """A job that waited inside for other jobs has its core again (answer to the wait comes to the job's own connection)."""


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
