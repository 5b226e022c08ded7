"""Requests about many jobs: as few as they need, each within what one frame can carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from picloud.client import collecting, waiting
from picloud.client.session import Session
from picloud.client.waiting import Patience
from picloud.model import ids, job
from picloud.model.ids import JidRange
from picloud.wire import messages

REQUEST_RANGES = 8192
"""Ranges of jids in one request at most; a map is one range, however many jobs it has."""

_FEW = 64
"""Jobs of which statuses are remembered: for more, asking the node is as quick."""


def statuses(session: Session, ranges: Sequence[JidRange]) -> bytes | list[int]:
    """Return one status code a job, in the order asked; nothing is waited for.

    Raises:
        UnknownJobError: naming the first jid that no job has.
    """
    few = list(ids.each(ranges)) if ids.count(ranges) <= _FEW else []
    known = session.finals.of(few) if few else None
    if known is not None:
        return known
    codes = b"".join(waiting.poll(session, _lists(some)) for some in ids.batches(ranges, REQUEST_RANGES))
    if few:
        session.finals.put(few, codes)
    return codes


def wait(session: Session, ranges: Sequence[JidRange], mode: str, timeout: float | None) -> messages.Waited:
    """Wait until jobs have ended, `all` of them or until a `failure`, as `waiting.wait` does for some ranges.

    Raises:
        CloudException: what the node says, such as `UnknownJobError`.
    """
    if len(ranges) <= REQUEST_RANGES:
        return waiting.wait(session, ranges, mode, timeout)
    span = Patience(timeout)
    satisfied, unfinished, failed = True, [], None
    for some in ids.batches(ranges, REQUEST_RANGES):
        waited = waiting.wait(session, some, mode, span.left())
        satisfied = satisfied and waited.satisfied
        unfinished += waited.unfinished
        failed = waited.failed if failed is None else failed
        if failed is not None and mode == "failure":
            break
    return messages.Waited(satisfied, unfinished, failed)


def all_results(session: Session, ranges: Sequence[JidRange], timeout: float | None, ignore_errors: bool) -> list[Any]:
    """Return the results of jobs wherever their jids lie, as `collecting.collect` does for some ranges.

    Raises:
        JobError: of the first job that did not end as done, unless errors are ignored.
        CloudTimeoutError: if they have not ended in time.
    """
    if len(ranges) <= REQUEST_RANGES:
        return collecting.collect(session, ranges, timeout, ignore_errors)
    waited = wait(session, ranges, "all" if ignore_errors else "failure", timeout)
    if waited.failed is not None and not ignore_errors:
        return collecting.collect(session, [(waited.failed, waited.failed + 1)], None, False)
    if not waited.satisfied:
        raise waiting.timed_out("cloud.result timed out", waited)
    values: list[Any] = []
    for some in ids.batches(ranges, REQUEST_RANGES):
        values += collecting.collect(session, some, None, ignore_errors)
    return values


def kill(session: Session, ranges: Sequence[JidRange]) -> None:
    """Kill jobs; ended ones stay as they are.

    Raises:
        UnknownJobError: naming the first jid that no job has.
    """
    for some in ids.batches(ranges, REQUEST_RANGES):
        session.request(messages.Kill(_lists(some)))


def delete(session: Session, ranges: Sequence[JidRange]) -> None:
    """Delete ended jobs, all or none.

    Raises:
        UnfinishedJobError: if one of them has not ended.
        UnknownJobError: naming the first jid that no job has.
    """
    if len(ranges) > REQUEST_RANGES:
        for jid, code in zip(ids.each(ranges), statuses(session, ranges), strict=True):
            if not job.is_finished(code):
                # The node says what is wrong with it.
                ranges = [(jid, jid + 1)]
                break
    try:
        for some in ids.batches(ranges, REQUEST_RANGES):
            session.request(messages.Delete(_lists(some)))
    finally:
        session.forget_ends()


def _lists(ranges: Sequence[JidRange]) -> messages.Ranges:
    return [list(pair) for pair in ranges]
