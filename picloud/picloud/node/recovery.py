"""From the store back to a running node: unfinished arrays go to the scheduler, what may not run again is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable

from picloud.model import job, outcome
from picloud.model.cause import Cause, CauseKind
from picloud.model.ids import JidRange
from picloud.node.live import LiveArray
from picloud.node.pools import pool_of
from picloud.node.reactor import Reactor
from picloud.node.submissions import submitted
from picloud.store import recovery as stored
from picloud.store.ranges import Range
from picloud.store.tables import Unfinished

_log = logging.getLogger(__name__)
Dependencies = Callable[[tuple[JidRange, ...]], tuple[list[JidRange], int | None]]


def restore(reactor: Reactor, recovered: stored.Recovered, dependencies: Dependencies, place: str) -> None:
    """Hand every unfinished array to the scheduler, in order of jids.

    Items of jobs that may not restart, and had been handed to a worker of the dead node, become `error` with cause `lost`.
    """
    for unfinished in recovered.unfinished:
        lost = stored.lost(unfinished)
        for start, stop in lost:
            _store_lost(reactor, unfinished, start, stop)
        _adopt(reactor, unfinished, lost, dependencies, place)
    if recovered.unfinished:
        _log.info("went on with %d unfinished arrays", len(recovered.unfinished))


def _adopt(reactor: Reactor, unfinished: Unfinished, lost: list[Range], dependencies: Dependencies, place: str) -> None:
    array = unfinished.array
    open_ranges, failed = dependencies(array.options.depends_on)
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
    reactor.submit(LiveArray(array, pool, bytearray()), event)


def _store_lost(reactor: Reactor, unfinished: Unfinished, start: int, stop: int) -> None:
    cause = Cause(CauseKind.LOST, None, "its node ended while the job was handed out, and it may not be restarted")
    meta = {"cause": cause.to_list(), "exception": f"The job was lost: {cause.detail}"}
    attempt = next((mark.attempt for mark in unfinished.attempts if mark.start <= start < mark.stop), 1)
    record = outcome.encode_uniform(stop - start, job.ERROR, meta=meta, attempt=attempt, now=reactor.clock.wall())
    reactor.committer.batch.put_ends(unfinished.array.first, start, record, ())
