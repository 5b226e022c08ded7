"""Waiting for jobs, and reading how they ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from picloud.exceptions import ArgumentValueError, NestedLimitError
from picloud.model import job, outcome
from picloud.model.ids import JidRange
from picloud.node.link import open_segments
from picloud.node.reactor import Reactor
from picloud.node.reads import MAX_PAGE_SEGMENTS, Kept, Piece, Reader, segments_in
from picloud.node.sessions import Handler, Session
from picloud.node.waits import Mode, Waiter, failure_in, unfinished_in
from picloud.wire import messages
from picloud.wire.channel import Received

Ended = Callable[[bool], None]
_OPEN = bytes(not job.is_finished(code) for code in range(256))
"""For `bytes.translate`: 1 for a status that is not final."""
_EARLY = 0.001
"""Seconds by which a timer may go off too soon: libuv counts whole milliseconds."""


class Waiting:
    """Handles `Alone`, `Wait` and `GetEnds`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reactor: Reactor, reader: Reader) -> None:
        """Wait on the reactor's arrays."""
        self._loop = loop
        self._reactor = reactor
        self._reader = reader
        self._segments: Path = reactor.home / "segments"

    def handlers(self) -> dict[type[messages.Message], Handler]:
        """Return what this part answers."""
        return {messages.Alone: self._alone, messages.Wait: self._wait, messages.GetEnds: self._get_ends}

    def _alone(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Alone)
        worker = self._reactor.workers.get(session.worker) if session.worker is not None else None
        if worker is not None:
            self._reactor.part(worker, message.seq, message.index)

    def _wait(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Wait)
        ranges = as_ranges(message.ranges)
        self._until(session, ranges, message.mode, message.timeout, lambda ended: self._waited(session, ranges, ended))

    def _get_ends(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.GetEnds)
        ranges = as_ranges(message.ranges)

        def ended(satisfied: bool) -> None:
            if satisfied:
                self._page(session, ranges, message.limit)
            else:
                self._waited(session, ranges, satisfied)

        if message.mode:
            self._until(session, ranges, message.mode, message.timeout, ended)
        else:
            self._reader.pieces(ranges)
            self._reactor.committer.after(session.guarded(lambda: ended(True)))

    def _until(self, session: Session, ranges: list[JidRange], mode: str, timeout: float | None, ended: Ended) -> None:
        """Call `ended` once what is waited for has happened and is kept, or the time is over."""
        if mode not in set(Mode):
            raise ArgumentValueError(f"There is no way of waiting named {mode!r}")
        if timeout is not None and not timeout >= 0:
            raise ArgumentValueError("timeout must be a number that is not negative")
        wanted = Mode(mode)
        pieces = self._reader.pieces(ranges)
        waiter = Waiter(wanted, lambda happened: None)
        satisfied = self._collect(pieces, wanted, waiter)
        after = self._reactor.committer.after
        if satisfied or timeout == 0:
            after(session.guarded(lambda: ended(satisfied)))
            return
        OpenWait(self._loop, self._reactor, session, waiter, timeout, ended)

    def _collect(self, pieces: list[Piece], mode: Mode, waiter: Waiter) -> bool:
        """Note in the waiter what is still open; return whether there is nothing to wait for."""
        kept = Kept()
        for piece in pieces:
            first = piece.array.first
            if piece.live is None:
                if mode is Mode.ANY:
                    return True
                all_done = piece.summary is not None and piece.summary.uniform() == job.DONE
                if mode is Mode.FAILURE and not all_done and failure_in(self._reader.codes(piece, kept)) is not None:
                    return True
                continue
            codes = piece.live.states[piece.start : piece.stop]
            unfinished = unfinished_in(codes)
            if mode is Mode.ANY and unfinished < len(codes):
                return True
            if mode is Mode.FAILURE and failure_in(codes) is not None:
                return True
            # The last commit of an array that has just finished may be under way: it is waited for like the rest.
            if unfinished:
                waiter.pending.setdefault(first, []).append(piece.jids)
        return not waiter.pending

    def _waited(self, session: Session, ranges: list[JidRange], satisfied: bool) -> None:
        unfinished: list[list[int]] = []
        failed: int | None = None
        kept = Kept()
        for piece in self._reader.pieces(ranges):
            codes = self._reader.codes(piece, kept)
            at = failure_in(codes)
            if at is not None and failed is None:
                failed = piece.jids[0] + at
            unfinished += _unfinished(codes, piece.jids[0])
        session.reply(messages.Waited(satisfied, unfinished, failed))

    def _page(self, session: Session, ranges: list[JidRange], limit: int) -> None:
        """Send records of ends until the page is full."""
        pieces: list[list[int]] = []
        body: list[bytes] = []
        names: list[str] = []
        total = 0
        rest: list[list[int]] = []
        kept = Kept()
        for piece in self._reader.pieces(ranges):
            low, high = piece.jids
            if rest:
                rest.append([low, high])
                continue
            for start, whole in self._reader.ends(piece, kept):
                record, found = whole, segments_in(whole)
                if pieces and (total + len(record) > limit or len(names) + len(found) > MAX_PAGE_SEGMENTS):
                    rest.append([piece.array.first + start, high])
                    break
                if len(found) > MAX_PAGE_SEGMENTS:
                    record, found = _fitting(whole), found[:MAX_PAGE_SEGMENTS]
                count = outcome.decode(record).count
                pieces.append([piece.array.first + start, count, len(record)])
                body.append(record)
                names += found
                total += len(record)
                if len(record) < len(whole):
                    rest.append([piece.array.first + start + count, high])
                    break
        session.reply(messages.EndsPage(pieces, names, rest), body, open_segments(self._segments, names))


class OpenWait:
    """One wait that is open: ends by what is waited for, by time, or with its client."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        reactor: Reactor,
        session: Session,
        waiter: Waiter,
        timeout: float | None,
        ended: Ended,
    ) -> None:
        """Let the waiter, which has not been added yet, be told; `ended` is called once what happened is kept."""
        self._reactor = reactor
        self._session = session
        self._waiter = waiter
        self._ended = ended
        self._happened = False
        # What comes from a worker that runs nothing holds no core: a thread that its job left, or a stranger.
        self._worker = session.worker if session.worker is not None and reactor.runs(session.worker) else None
        waiter.notify = self._over
        self._timer = loop.call_later(timeout + _EARLY, self._over, False) if timeout is not None else None
        reactor.waiters.add(waiter)
        session.on_close = self._abandon
        if self._worker is not None:
            reactor.blocks.wait(self._worker, self._resumed)

    def _over(self, happened: bool) -> None:
        self._close()
        self._happened = happened
        if self._worker is not None:
            self._reactor.blocks.wake(self._worker, self._resumed)
        else:
            self._resumed(None)

    def _resumed(self, refused: str | None) -> None:
        self._close()
        if refused is not None:
            self._session.fail(NestedLimitError(refused, hint="submit less deeply, or raise the setting blocked_jobs"))
            return
        self._reactor.committer.after(self._session.guarded(lambda: self._ended(self._happened)))

    def _abandon(self) -> None:
        self._close()
        self._ended = lambda happened: None
        if self._worker is not None:
            self._reactor.blocks.wake(self._worker, self._resumed)

    def _close(self) -> None:
        self._reactor.waiters.drop(self._waiter)
        if self._timer is not None:
            self._timer.cancel()


def as_ranges(ranges: messages.Ranges) -> list[JidRange]:
    """Return a message's ranges checked.

    Raises:
        ArgumentValueError: if they are not pairs of numbers in order.
    """
    checked: list[JidRange] = []
    for pair in ranges:
        if not (
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(n, int) for n in pair) and pair[0] < pair[1]
        ):
            raise ArgumentValueError("jid ranges are pairs of a first jid and the jid behind the last")
        checked.append((pair[0], pair[1]))
    return checked


def _fitting(record: bytes) -> bytes:
    """Return the beginning of a record that names as many segments as one message can carry."""
    flags = bytes(outcome.decode(record).rows[1 :: outcome.ROW.size])
    named = [index for index, flag in enumerate(flags) if flag & outcome.RowFlag.RESULT_SEGMENT]
    return outcome.cut(record, 0, named[MAX_PAGE_SEGMENTS])


def _unfinished(codes: bytes, first: int) -> list[list[int]]:
    """Return the jid ranges whose status is not final."""
    found: list[list[int]] = []
    marks = codes.translate(_OPEN)
    low = marks.find(b"\1")
    while low >= 0:
        high = marks.find(b"\0", low)
        high = high if high >= 0 else len(marks)
        found.append([first + low, first + high])
        low = marks.find(b"\1", high)
    return found
