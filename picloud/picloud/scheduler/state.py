"""The scheduler's mutable tables: arrays, chunks, workers, pools, and the limits that hold for them.

What an array's items are doing is one byte an item (`Array.statuses`); which of them nobody has been handed is a few ranges
(`Array.ranges`); the rest is with workers (`Array.chunks`) or has ended.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from picloud.model.cause import Cause
from picloud.scheduler.dependencies import Watches

Span = tuple[int, int, int]
"""Items that nobody was handed: start, stop, and the attempt that comes next."""

Lane = tuple[str, int]
"""Pool and cores: what two arrays must share for one to be able to run wherever the other can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may happen at once, and how long a chunk is meant to be."""

    slots: int
    """Cores that running items may take together."""
    blocked_cap: int = 256
    """Workers that may wait inside for other jobs."""
    idle_workers: int | None = None
    """Unblocked workers that may be alive beyond `slots`; None: as many again as there are slots."""
    chunk_seconds: float = 0.05
    """Work that a chunk is meant to hold."""
    growth: int = 16
    """How many times the items of the longest chunk that has ended so far the array's next one may hold."""
    ticket_seconds: float = 0.0005
    """Work that one ticket of a restartable array is meant to stand for."""
    max_tickets: int = 4096
    """Tickets in a chunk."""
    min_tail_seconds: float = 0.002
    """Work below which neither chunks are made smaller for fairness nor tails are stolen."""

    @property
    def live_workers(self) -> int:
        """Unblocked workers that may be alive, those that are starting included."""
        return self.slots + (self.slots if self.idle_workers is None else self.idle_workers)


@dataclass(slots=True, eq=False, kw_only=True)
class Array:
    """One job array with items that have not ended."""

    first: int
    count: int
    pool: Pool
    cores: int
    priority: int
    client: str
    restartable: bool
    solitary: bool
    """Whether its chunks hold one item."""
    max_runtime: float | None
    ignores_errors: bool
    """Whether dependencies that ended badly count as satisfied."""
    statuses: bytearray
    """A status code an item; the node reads the same table."""
    left: int
    """Items that have not ended."""
    lane: Lane
    ranges: deque[Span] = field(default_factory=deque)
    """What nobody was handed, roughly in order."""
    unassigned: int = 0
    """Items in `ranges`."""
    pending: int = 0
    """Dependencies that have not ended; while there are any, all its items wait."""
    watches: Watches | None = None
    """Who waits for its items."""
    chunks: dict[int, Chunk] = field(default_factory=dict)
    """What is with workers, by worker."""
    listed: bool = False
    """Whether the ready queue has an entry for it, maybe an outdated one."""
    measured_items: float = 0.0
    """Weight of the measurement: recent chunks count more."""
    measured_seconds: float = 0.0
    """Seconds that those items took."""
    proven: int = 0
    """Most items that one chunk has ended so far."""
    losses: dict[int, int] = field(default_factory=dict)
    """How often an item's supervisor or host was lost under it."""
    barren: int = 0
    """Workers in a row that ended before they started any of their items."""

    @property
    def mean(self) -> float:
        """Seconds that an item takes as measured so far; 0 if nothing was."""
        return max(self.measured_seconds / self.measured_items, 1e-7) if self.measured_items else 0.0


@dataclass(slots=True, eq=False, kw_only=True)
class Chunk:
    """Items that a worker was handed."""

    worker: int
    array: Array
    seq: int
    start: int
    """Index of its first item in the array."""
    length: int
    """Items that are still the worker's, or have ended."""
    attempt: int
    touched: float
    """When it was handed out or last heard of."""
    ended: int = 0
    """Items that have ended, from the start."""
    asked: bool = False
    """Whether a `Reclaim` has not been answered."""
    asked_all: bool = False
    """Whether that one was for everything unstarted."""
    strip: bool = False
    """Whether everything unstarted is wanted back."""
    stripped: bool = False
    """Whether that has been done, so that what is left was started or stands in a started ticket."""
    robbed_at: float = float("-inf")
    """When a part of its tail was last wanted for an idle worker."""
    fruitless: int = 0
    """How often in a row nothing could be taken then."""
    doomed: list[tuple[int, int, Cause]] = field(default_factory=list)
    """Items of the array that are to be killed: start, stop, cause."""
    condemned: bool = False
    """Whether its worker is being killed for the sake of a doomed item."""
    aim: tuple[int, bool] | None = None
    """The item that was interrupted last, and whether it was then known to be the running one."""


class Doing(Enum):
    """What a worker is doing."""

    IDLE = auto()
    """It has no chunk."""
    BUSY = auto()
    """It runs a chunk and takes slots."""
    BLOCKED = auto()
    """Its job waits for other jobs and takes none."""
    WOKEN = auto()
    """Its job could go on and waits for slots."""


@dataclass(slots=True, eq=False, kw_only=True)
class Worker:
    """One worker process."""

    id: int
    pool: Pool
    doing: Doing = Doing.IDLE
    seq: int = 0
    """Number of its last chunk."""
    chunk: Chunk | None = None
    """What it runs; there is one unless it is idle."""


@dataclass(slots=True, eq=False, kw_only=True)
class Pool:
    """Workers that can stand in for each other."""

    key: str
    idle: dict[int, Worker] = field(default_factory=dict)
    """Idle workers, the one that worked last at the end: its memory is the warmest."""
    workers: int = 0
    """Workers that are alive."""
    arrays: int = 0
    """Arrays that need it."""
    ready: int = 0
    """Items that could run now and that nobody was handed."""
    starting: int = 0
    """Workers that are being started."""
    reserved: int = 0
    """Those of them that slots are kept for."""
    reserved_cores: int = 0
    """These slots."""
    failures: int = 0
    """Starts in a row that failed."""
    retry_at: float = 0.0
    """When the next start may be tried."""
