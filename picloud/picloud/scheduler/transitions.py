"""The one table of what an item's status may become, applied to whole ranges of status bytes at once."""

from __future__ import annotations

from picloud.exceptions import IllegalEventError
from picloud.model.job import BY_CODE, DONE, ERROR, KILLED, PROCESSING, QUEUED, STALLED, WAITING
from picloud.scheduler.state import Array

BEFORE: dict[int, bytes] = {
    WAITING: bytes(()),
    QUEUED: bytes((WAITING, PROCESSING)),
    PROCESSING: bytes((QUEUED,)),
    DONE: bytes((QUEUED, PROCESSING)),
    ERROR: bytes((QUEUED, PROCESSING)),
    KILLED: bytes((WAITING, QUEUED, PROCESSING)),
    STALLED: bytes((WAITING,)),
}
"""Which statuses each status may follow. Of items in a chunk only the first unfinished one is noted as processing, so that a
worker may end items that still count as queued."""

WORKER_ENDS = bytes((DONE, ERROR, KILLED))
"""How an item can end in a worker."""

_HANDED_OUT = bytes((QUEUED, PROCESSING))


def move(array: Array, start: int, stop: int, code: int) -> None:
    """Give items of an array one new status.

    Raises:
        IllegalEventError: one of them may not get it; nothing was changed.
    """
    before = array.statuses[start:stop]
    if before.translate(None, BEFORE[code]):
        raise _illegal(array, start, before, bytes((code,)) * (stop - start))
    array.statuses[start:stop] = bytes((code,)) * (stop - start)


def finish(array: Array, start: int, codes: bytes) -> None:
    """Give items that a worker ended the statuses that it reported.

    Raises:
        IllegalEventError: one of them was not handed out, or cannot end like that in a worker; nothing was changed.
    """
    stop = start + len(codes)
    before = array.statuses[start:stop]
    if before.translate(None, _HANDED_OUT) or codes.translate(None, WORKER_ENDS):
        raise _illegal(array, start, before, codes)
    array.statuses[start:stop] = codes


def _illegal(array: Array, start: int, before: bytearray, after: bytes) -> IllegalEventError:
    pairs = enumerate(zip(before, after, strict=True), start)
    index, old, new = next(
        (at, old, new) for at, (old, new) in pairs if old not in BEFORE.get(new, b"") or new > KILLED
    )
    name = BY_CODE[new] if new < len(BY_CODE) else f"status {new}"
    return IllegalEventError(
        f"Job {array.first + index} cannot become {name}: it is {BY_CODE[old]}, item {index} of the {array.count} of array "
        f"{array.first}, of which {array.left} have not ended, {array.unassigned} are in the queue and "
        f"{len(array.chunks)} chunks are with workers",
        jid=array.first + index,
        status=BY_CODE[old],
        hint="This is a fault of picloud, not of the job: please report it with the node's log.",
    )
