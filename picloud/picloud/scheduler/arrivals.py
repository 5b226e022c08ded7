"""Taking in job arrays: what of them has ended, what waits for what, what can run."""

from __future__ import annotations

from picloud.exceptions import DependencyError, IllegalEventError
from picloud.model.cause import Cause, CauseKind
from picloud.model.ids import JidRange
from picloud.model.job import QUEUED, STALLED, WAITING, is_finished
from picloud.scheduler import transitions
from picloud.scheduler.dependencies import Watches, ended_badly
from picloud.scheduler.effects import Queued
from picloud.scheduler.events import ArraySubmitted
from picloud.scheduler.ledger import Ledger
from picloud.scheduler.state import Array

Needs = list[tuple[Array, int, int]]
"""Items of other arrays."""


def submitted(ledger: Ledger, event: ArraySubmitted) -> Array | None:
    """Take in an array; return it if it waits for nothing, and its items are to be made ready or handed out.

    Raises:
        IllegalEventError: it has no items, or its jids are another array's; nothing was changed.
        DependencyError: it depends on jids of no array that is known; nothing was changed.
    """
    stop = event.first + event.count
    if event.count < 1 or next(ledger.within((event.first, stop)), None) is not None:
        raise IllegalEventError(f"Array {event.first} of {event.count} items cannot be taken in", jid=event.first)
    needs = [need for span in event.depends_on for need in _needs(ledger, span)]
    array = _build(ledger, event)
    ledger.add_array(array)
    if not array.left:
        ledger.ended.append((array, 0, 0))
        return None
    failed = event.failed_dependency
    for other, low, high in needs:
        bad = ended_badly(other.statuses, low, high)
        if failed is None and bad is not None:
            failed = other.first + bad
    if failed is not None and not array.ignores_errors:
        array.pending = 1
        _fill(array, event, WAITING)
        stall(ledger, array, failed)
        return None
    for other, low, high in needs:
        if other.watches is None:
            other.watches = Watches(other.count)
        array.pending += other.watches.add(low, high, array.first, other.statuses)
    _fill(array, event, WAITING if array.pending else QUEUED)
    return None if array.pending else array


def satisfied(ledger: Ledger, array: Array) -> None:
    """Take note that one of the things an array waits for has ended."""
    array.pending -= 1
    if not array.pending and array.unassigned:
        for start, stop, _ in array.ranges:
            transitions.move(array, start, stop, QUEUED)
        ledger.effects.append(Queued(first=array.first))
        ledger.make_ready(array)


def stall(ledger: Ledger, array: Array, dependency: int) -> None:
    """End everything of a waiting array, since a job that it depends on did not end well."""
    ledger.end_unassigned(array, 0, array.count, STALLED, Cause(CauseKind.DEPENDENCY, dependency))


def _needs(ledger: Ledger, span: JidRange) -> Needs:
    needs = list(ledger.within(span))
    at = span[0]
    for array, low, high in needs:
        if array.first + low != at:
            break
        at = array.first + high
    if at < span[1]:
        raise DependencyError(f"Job {at} is not known, so nothing can depend on it", jid=at)
    return needs


def _build(ledger: Ledger, event: ArraySubmitted) -> Array:
    cores = max(1, min(event.cores, ledger.limits.slots))
    statuses = bytearray(event.count)
    left = event.count
    for start, stop, code in event.ended:
        if not is_finished(code) or not 0 <= start <= stop <= event.count or any(statuses[start:stop]):
            raise IllegalEventError(f"Items {start} to {stop} of array {event.first} cannot have ended as {code}")
        statuses[start:stop] = bytes((code,)) * (stop - start)
        left -= stop - start
    return Array(
        first=event.first,
        count=event.count,
        pool=ledger.pool(event.pool),
        cores=cores,
        priority=event.priority,
        client=event.client,
        restartable=event.restartable,
        solitary=event.kill_process or event.max_runtime is not None,
        max_runtime=event.max_runtime,
        ignores_errors=event.ignore_dependency_errors,
        statuses=statuses,
        left=left,
        lane=(event.pool, cores),
    )


def _fill(array: Array, event: ArraySubmitted, code: int) -> None:
    """Put every item that has not ended into the array's ranges, cut where attempts differ."""
    at = 0
    for start, stop, _ in [*sorted(event.ended), (event.count, event.count, 0)]:
        if at < start:
            array.statuses[at:start] = bytes((code,)) * (start - at)
            _attempts(array, at, start, event)
        at = stop
    array.unassigned = sum(stop - start for start, stop, _ in array.ranges)


def _attempts(array: Array, start: int, stop: int, event: ArraySubmitted) -> None:
    at = start
    for low, high, attempt in [*sorted(event.attempts), (stop, stop, 1)]:
        if at < min(low, stop):
            array.ranges.append((at, min(low, stop), 1))
        if max(low, at) < min(high, stop):
            array.ranges.append((max(low, at), min(high, stop), attempt))
        at = max(at, min(high, stop), min(low, stop))
