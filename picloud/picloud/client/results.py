"""Ends of jobs as they come from the node, a page at a time, as values and errors."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from picloud.client.connection import Connection
from picloud.client.session import Session
from picloud.client.tracebacks import job_error
from picloud.client.waiting import Patience, ask
from picloud.exceptions import JobError, SerializationError
from picloud.model import job, outcome
from picloud.model.ids import JidRange
from picloud.model.outcome import ROW, Ends, RecordFlag, RowFlag
from picloud.wire import messages, payload
from picloud.wire.channel import Received
from picloud.wire.descriptors import close_all

PAGE_BYTES = 4 << 20
"""Bytes of results that are asked for at a time."""

_PLACE = struct.Struct("<4xI4xI8x")
_TIMES = struct.Struct("<16xff")
_DONE = bytes((job.DONE,))


class Piece(NamedTuple):
    """Jobs that follow each other, and how they ended."""

    first: int
    """The first one's jid."""
    ends: Ends
    """Their record."""
    segments: dict[str, int]
    """Open descriptors of the segments on its page, by id; the page's owner closes them."""

    @property
    def jids(self) -> range:
        """The jobs."""
        return range(self.first, self.first + self.ends.count)


class Page:
    """One page of ends; `close` gives its descriptors back."""

    def __init__(self, received: Received) -> None:
        """Take over what came."""
        message = messages.expect(received.message, messages.EndsPage)
        self._descriptors = received.descriptors
        segments = dict(zip(message.segments, received.descriptors, strict=True))
        self.body = received.body
        """The records, end to end."""
        body = memoryview(received.body)
        self.pieces: list[Piece] = []
        at = 0
        for first, _count, length in message.pieces:
            self.pieces.append(Piece(first, outcome.decode(body[at : at + length]), segments))
            at += length
        self.rest: list[JidRange] = [(start, stop) for start, stop in message.rest]
        """What did not fit."""

    @property
    def ended(self) -> list[JidRange]:
        """Return the jobs whose ends it has."""
        return [(piece.first, piece.first + piece.ends.count) for piece in self.pieces]

    @property
    def open_segments(self) -> int:
        """Return how many descriptors it holds open."""
        return len(self._descriptors)

    def close(self) -> None:
        """Close the descriptors."""
        close_all(self._descriptors)
        self._descriptors = []


def fetch(
    session: Session, ranges: Sequence[JidRange], mode: str, timeout: float | None, limit: int = PAGE_BYTES
) -> Page | messages.Waited:
    """Return the first page of ends of these jobs; where the wait was in vain, who has not ended.

    Raises:
        CloudException: what the node says, such as `UnknownJobError`.
    """
    wait = Patience(timeout)
    asked = [list(pair) for pair in ranges]

    def exchange(connection: Connection) -> Received:
        return ask(connection, lambda left: messages.GetEnds(asked, mode, left, limit), wait.left())

    received = session.run(exchange)
    if isinstance(received.message, messages.Waited):
        return received.message
    page = Page(received)
    if session.reports is not None:
        session.reports.ended(page.pieces)
    return page


def values_of(piece: Piece, ignore_errors: bool) -> list[Any]:
    """Return the results of a piece's jobs, errors in their places if they are ignored.

    Raises:
        JobError: of the first job that did not end as done, unless errors are ignored.
        SerializationError: if a result cannot be rebuilt here.
    """
    quick = _plain_values(piece.ends)
    if quick is not None:
        return quick
    if not ignore_errors:
        codes = piece.ends.statuses()
        if codes.strip(_DONE):
            index = next(i for i, code in enumerate(codes) if code != job.DONE)
            raise error_of(piece, index)
    return [value_of(piece, index) for index in range(piece.ends.count)]


def value_of(piece: Piece, index: int) -> Any:
    """Return one job's result, or its error as an object.

    Raises:
        SerializationError: if the result cannot be rebuilt here.
    """
    row = piece.ends.row(index)
    if row.status != job.DONE:
        return error_of(piece, index)
    content = piece.ends.payload(row)
    try:
        if row.flags & RowFlag.RESULT_SEGMENT:
            return payload.load_segment(piece.segments[str(content, "ascii")])
        return payload.load(content)
    except Exception as error:
        raise SerializationError(
            f"The result cannot be rebuilt here: {type(error).__name__}: {error}", jid=piece.first + index
        ) from error


def error_of(piece: Piece, index: int) -> JobError:
    """Return the error of a job that did not end as done."""
    ends = piece.ends
    row = ends.row(index)
    pickled = ends.payload(row) if row.flags & RowFlag.EXCEPTION_PICKLED else None
    return job_error(piece.first + index, row.status, ends.meta(row), pickled)


class Late(NamedTuple):
    """A result that is made, or an error that is raised, when its turn comes."""

    piece: Piece
    """Where it is."""
    at: int
    """Its index there."""


def ready_values(piece: Piece) -> list[Any]:
    """Return the results of a piece's jobs, each that is no bare pickle of a job that is done as `Late`."""
    values = _plain_values(piece.ends)
    return [Late(piece, index) for index in range(piece.ends.count)] if values is None else values


def moments(ends: Ends) -> list[float]:
    """Return the Unix times (s) at which a record's jobs ended."""
    times = [ends.started + after + runtime for after, runtime in _TIMES.iter_unpack(ends.rows)]
    return times * ends.count if ends.flags & RecordFlag.UNIFORM else times


def _plain_values(ends: Ends) -> list[Any] | None:
    """Return the values of a record whose every item is done and a bare pickle; None if it is not that plain."""
    rows = ends.rows
    if (
        ends.flags & RecordFlag.UNIFORM
        or bytes(rows[:: ROW.size]).strip(_DONE)
        or bytes(rows[1 :: ROW.size]).strip(b"\0")
    ):
        return None
    if any(bytes(rows[column :: ROW.size]).strip(b"\0") for column in range(8, 12)):
        return None
    heap, base, loads = ends.heap, ends.heap_base, pickle.loads
    try:
        return [loads(heap[at - base : at - base + length]) for at, length in _PLACE.iter_unpack(rows)]
    except Exception:
        return None
