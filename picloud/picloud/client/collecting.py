"""All results at once: of a single job from what is remembered of it, of a large array while its jobs still run."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from picloud.client import spans
from picloud.client.results import Page, Piece, fetch, values_of
from picloud.client.session import Session
from picloud.client.waiting import Patience, timed_out
from picloud.model import ids, job, outcome, running
from picloud.model.ids import JidRange
from picloud.model.outcome import RowFlag
from picloud.wire import messages

LARGE = 1000
"""Jobs from which on results are read while others of them still run."""
PAUSE = 0.05
"""Seconds until the first look at what has ended: maps that end before are read once."""
MUCH = 256 << 10
"""Bytes of results that make a look worth while: after one that found less, the next one comes later."""
_LONGEST = 2.0

_WINDOW = 65536
_DONE = bytes((job.DONE,))


def collect(session: Session, ranges: Sequence[JidRange], timeout: float | None, ignore_errors: bool) -> list[Any]:
    """Wait for jobs and return their results in the order asked, errors in their places if they are ignored.

    Raises:
        JobError: of the first job that did not end as done, unless errors are ignored.
        CloudTimeoutError: if they have not ended in time.
    """
    session.is_waiting = True
    single = len(ranges) == 1 and ranges[0][1] - ranges[0][0] == 1
    if single:
        record = session.recent.get(ranges[0][0])
        if record is not None:
            if session.reports is not None:
                session.reports.ended([Piece(ranges[0][0], outcome.decode(record), {})])
            known = _known(ranges[0][0], record, ignore_errors)
            if known is not None:
                return known
    large = len(ranges) == 1 and ids.count(ranges) >= LARGE
    # A job that waits gives its core away and has to get it back after each look.
    if large and running.current is None:
        gathered = _gather(session, ranges[0], timeout, ignore_errors)
        if gathered is not None:
            return gathered
        timeout = None
    values: list[Any] = []
    mode, left = ("all" if ignore_errors else "failure"), list(ranges)
    while left:
        page = fetch(session, left, mode, timeout)
        if isinstance(page, messages.Waited):
            raise timed_out("cloud.result timed out", page)
        try:
            if single and page.pieces and not page.open_segments:
                session.recent.put(ranges[0][0], page.body)
            for piece in page.pieces:
                values += values_of(piece, ignore_errors)
            left = page.rest
        finally:
            page.close()
        mode, timeout = "", None
    return values


def _known(jid: int, record: bytes, ignore_errors: bool) -> list[Any] | None:
    """Return the result in a record that is remembered; None if it has to be asked for."""
    plain = outcome.lone_result(record)
    if plain is not None:
        try:
            return [pickle.loads(plain)]
        except Exception:
            # Either it is no bare pickle, or the error says whose it is.
            return values_of(Piece(jid, outcome.decode(record), {}), ignore_errors)
    ends = outcome.decode(record)
    return None if ends.row(0).flags & RowFlag.RESULT_SEGMENT else values_of(Piece(jid, ends, {}), ignore_errors)


def _gather(session: Session, span: JidRange, timeout: float | None, ignore_errors: bool) -> list[Any] | None:
    """Return the results of consecutive jobs, read while they run; None once one has failed and errors are not ignored.

    Raises:
        CloudTimeoutError: if they have not ended in time.
    """
    first, stop = span
    values: list[Any] = [None] * (stop - first)
    left, patience = [span], Patience(timeout)
    mode, pause = "all" if ignore_errors else "failure", PAUSE
    while left:
        window = spans.head(left, _WINDOW)
        remaining = patience.left()
        page = fetch(session, window, mode, pause if remaining is None else min(pause, remaining))
        if isinstance(page, messages.Waited) and patience.left() == 0:
            page = fetch(session, left, mode, 0)
            if isinstance(page, messages.Waited):
                raise timed_out("cloud.result timed out", page)
        elif isinstance(page, messages.Waited):
            page = fetch(session, window, "", None)
        assert isinstance(page, Page)
        pause = PAUSE if len(page.body) >= MUCH else min(2 * pause, _LONGEST)
        try:
            for piece in page.pieces:
                if not ignore_errors and piece.ends.statuses().strip(_DONE):
                    return None
                at = piece.first - first
                values[at : at + piece.ends.count] = values_of(piece, ignore_errors)
            left = spans.without(left, page.ended)
        finally:
            page.close()
    return values
