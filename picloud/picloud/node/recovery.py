"""From the store back to a running node: unfinished arrays go to the scheduler, what may not run again is lost."""

from __future__ import annotations

import logging

from picloud.model import job, outcome
from picloud.model.cause import Cause, CauseKind
from picloud.model.ids import JidRange
from picloud.node.live import LiveArray
from picloud.node.pools import pool_of
from picloud.node.reactor import Reactor
from picloud.node.submissions import submitted
from picloud.node.waits import failure_in, unfinished_in
from picloud.store import recovery as stored
from picloud.store.ranges import Range
from picloud.store.tables import Tables, Unfinished

_log = logging.getLogger(__name__)


def restore(reactor: Reactor, recovered: stored.Recovered, tables: Tables, place: str) -> None:
    """Hand every unfinished array to the scheduler, in order of jids.

    Items of jobs that may not restart, and had been handed to a worker of the dead node, become `error` with cause `lost`.
    """
    for unfinished in recovered.unfinished:
        lost = stored.lost(unfinished)
        for start, stop in lost:
            _store_lost(reactor, unfinished, start, stop)
        _adopt(reactor, unfinished, lost, tables, place)
    if recovered.unfinished:
        _log.info("went on with %d unfinished arrays", len(recovered.unfinished))


def _adopt(reactor: Reactor, unfinished: Unfinished, lost: list[Range], tables: Tables, place: str) -> None:
    array = unfinished.array
    open_ranges, failed = _dependencies(reactor, tables, array.options.depends_on)
    context = reactor.contents.context(array.context)
    pool = pool_of(context, place, array.options.core_type, array.options.cores)
    ended = sorted([*unfinished.ended, *((start, stop, job.ERROR) for start, stop in lost)])
    event = submitted(
        array,
        pool.key,
        depends_on=tuple(open_ranges),
        failed_dependency=failed,
        ended=tuple(ended),
        attempts=tuple(stored.attempts(unfinished)),
    )
    live = LiveArray(array, pool, bytearray(), stored=True, deleted=tables.deleted(array.first))
    reactor.submit(live, event)


def _dependencies(reactor: Reactor, tables: Tables, wanted: tuple[JidRange, ...]) -> tuple[list[JidRange], int | None]:
    """Return the dependencies that have not ended, and the first that ended otherwise than as done.

    One that is not there any more had ended before it was deleted, and well enough for its dependents to go on waiting.
    """
    open_ranges: list[JidRange] = []
    failed: list[int] = []
    for span in wanted:
        failed += [start for start, _, code in tables.finished_ranges(span) if code != job.DONE]
        for live, (low, high) in reactor.live.within(span):
            codes = live.states[low - live.array.first : high - live.array.first]
            at = failure_in(codes)
            failed += [] if at is None else [low + at]
            if unfinished_in(codes):
                open_ranges.append((low, high))
    return open_ranges, min(failed, default=None)


def _store_lost(reactor: Reactor, unfinished: Unfinished, start: int, stop: int) -> None:
    cause = Cause(CauseKind.LOST, None, "its node ended while the job was handed out, and it may not be restarted")
    meta = {"cause": cause.to_list(), "exception": f"The job was lost: {cause.detail}"}
    attempt = next((mark.attempt for mark in unfinished.attempts if mark.start <= start < mark.stop), 1)
    record = outcome.encode_uniform(stop - start, job.ERROR, meta=meta, attempt=attempt, now=reactor.clock.wall())
    reactor.committer.batch.put_ends(unfinished.array.first, start, record, ())
