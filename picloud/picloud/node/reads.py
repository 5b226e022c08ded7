"""What is known of jobs, live or stored, as the node answers it: statuses, ends, who is unfinished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from picloud.exceptions import UnknownJobError
from picloud.model import arguments, job, outcome
from picloud.model.array import JobArray
from picloud.model.ids import JidRange
from picloud.model.outcome import RowFlag
from picloud.node.live import LiveArray, LiveArrays
from picloud.node.workers import Worker
from picloud.store.keys import Table
from picloud.store.records import Summary
from picloud.store.tables import Tables
from picloud.wire import payload

MAX_PAGE_SEGMENTS = 200
"""Most descriptors on one page of results: the kernel takes at most 253 in one message."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a request that lies in one array."""

    array: JobArray
    """The array."""
    start: int
    """Index of the first item asked for."""
    stop: int
    """Index behind the last one."""
    live: LiveArray | None
    """The array in memory, None if it has finished."""
    summary: Summary | None
    """How it ended, if it has finished."""

    @property
    def jids(self) -> JidRange:
        """The jids asked for."""
        return self.array.first + self.start, self.array.first + self.stop


@dataclass(frozen=True, slots=True)
class _Known:
    """An array that was found."""

    array: JobArray
    live: LiveArray | None
    summary: Summary | None
    deleted: list[tuple[int, int]]

    def piece(self, at: int, stop: int) -> Piece:
        """Return what a range of jids, which begins in the array, has of it."""
        first = self.array.first
        low, high = at - first, min(stop - first, self.array.count)
        for deleted_from, deleted_to in self.deleted:
            if low < deleted_to and deleted_from < high:
                raise UnknownJobError("Does not exist or was deleted", jid=first + max(low, deleted_from))
        return Piece(self.array, low, high, self.live, self.summary)


@dataclass(slots=True)
class Kept:
    """The record of ends that was read last, for the time of one answer."""

    first: int = 0
    """Its array's first jid."""
    at: int = 0
    """Index of its first item."""
    count: int = 0
    """Items."""
    record: bytes = b""
    """The whole of it."""


class Reader:
    """Answers questions about jobs out of memory and store."""

    def __init__(self, live: LiveArrays, tables: Tables, workers: dict[int, Worker]) -> None:
        """Read from the node's own tables."""
        self._live = live
        self._tables = tables
        self._workers = workers

    def pieces(self, ranges: Iterable[JidRange]) -> list[Piece]:
        """Return the arrays that jids lie in, in the order asked.

        Raises:
            UnknownJobError: naming the first jid that no job has.
        """
        found: list[Piece] = []
        known: _Known | None = None
        # What is live is found in memory: most questions of the moment need nothing of the store.
        with self._tables.together():
            for start, stop in ranges:
                at = start
                while at < stop:
                    if known is None or not known.array.first <= at < known.array.first + known.array.count:
                        known = self._find(at)
                    piece = known.piece(at, stop)
                    found.append(piece)
                    at = piece.jids[1]
        return found

    def _find(self, jid: int) -> _Known:
        live = self._live.of(jid)
        if live is not None:
            return _Known(live.array, live, None, live.deleted)
        stored = self._tables.array_of(jid) if 0 < jid < 1 << 63 else None
        if stored is None:
            raise UnknownJobError("Does not exist or was deleted", jid=jid)
        return _Known(stored, None, self._tables.finished(stored.first), self._tables.deleted(stored.first))

    def codes(self, piece: Piece, kept: Kept | None = None) -> bytes:
        """Return the status codes of a piece's items, as of the last harvest; an item is processing once its ticket was taken."""
        if piece.live is None:
            uniform = piece.summary.uniform() if piece.summary is not None else None
            if uniform is not None:
                return bytes((uniform,)) * (piece.stop - piece.start)
            stored = bytearray(piece.stop - piece.start)
            for start, record in self.ends(piece, kept):
                part = outcome.decode(record).statuses()
                stored[start - piece.start : start - piece.start + len(part)] = part
            return bytes(stored)
        codes = piece.live.states[piece.start : piece.stop]
        for at in self._not_begun(piece):
            codes[at] = job.QUEUED
        return bytes(codes)

    def _not_begun(self, piece: Piece) -> list[int]:
        """Return where in a piece an item counts as processing whose ticket nobody has taken yet."""
        found: list[int] = []
        for worker in self._workers.values():
            chunk = worker.chunk
            if chunk is None or chunk.first != piece.array.first:
                continue
            index = chunk.start + chunk.harvested
            if piece.start <= index < piece.stop and worker.started() <= chunk.harvested:
                found.append(index - piece.start)
        return [at for at in found if piece.live is not None and piece.live.states[piece.start + at] == job.PROCESSING]

    def worker_of(self, jid: int) -> Worker | None:
        """Return the worker that runs a job now."""
        for worker in self._workers.values():
            chunk = worker.chunk
            if chunk is not None and chunk.first + chunk.start <= jid < chunk.first + chunk.start + chunk.count:
                current = worker.current()
                if current is not None and chunk.first + chunk.start + current == jid:
                    return worker
        return None

    def ends(self, piece: Piece, kept: Kept | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield the records of ends of a piece, each with the index of its first item, cut to what was asked.

        They are read one by one, so that a page of a large array costs no more than a page; `kept` spares reading the same
        record for one piece after the other.  What is still in the batch is among them, so one asks behind its commit.
        """
        first, start, stop = piece.array.first, piece.start, piece.stop
        if piece.live is not None and piece.live.answer:
            yield start, piece.live.answer
            return
        if kept is not None and kept.first == first and kept.at <= start and stop <= kept.at + kept.count:
            yield start, outcome.cut(kept.record, start - kept.at, stop - kept.at)
            return
        with self._tables.held():
            for at, record in self._tables.views(Table.ENDS, first, start, stop):
                behind = at + outcome.decode(record).count
                low, high = max(at, start), min(behind, stop)
                if kept is not None and high < behind:
                    kept.first, kept.at, kept.count, kept.record = first, at, behind - at, bytes(record)
                if low < high:
                    yield low, outcome.cut(record, low - at, high - at)


def payload_of(home: Path, item: bytes | memoryview) -> bytes:
    """Return an item's arguments as one payload, whether they lie in a segment, in part, or not at all."""
    if item[:1] != arguments.SEGMENT_MARK:
        return bytes(item)
    name, pickled = arguments.segment_of(item)
    content = (home / "segments" / name).read_bytes()
    return b"".join(payload.parts(pickled, payload.split(memoryview(content))[1])) if pickled else content


def segments_in(record: bytes) -> list[str]:
    """Return the ids of the segments that a record's results lie in, in the order of its items."""
    ends = outcome.decode(record)
    flags = bytes(ends.rows[1 :: outcome.ROW.size])
    if not flags.strip(b"\0"):
        return []
    return [
        bytes(ends.payload(ends.row(index))).decode("ascii")
        for index, flag in enumerate(flags)
        if flag & RowFlag.RESULT_SEGMENT
    ]
