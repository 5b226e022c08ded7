"""Results one after the other: in the order asked (`Ordered`), or as the jobs end (`Unordered`).

Both read pages: everything that has ended meanwhile comes with one answer.  They need no thread, so nothing is read ahead
while nobody asks for the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from picloud.client import results, spans, waiting
from picloud.client.results import Late, Page
from picloud.client.session import Session
from picloud.model import ids, job
from picloud.model.ids import JidRange
from picloud.wire import messages

READ_AHEAD_BYTES = 1 << 20
"""Bytes of results that are fetched at a time."""

_MIN_WINDOW = 64
_MAX_WINDOW = 65536
_MAX_AHEAD = 4096
_MAX_SEGMENTS = 256
_MAX_RANGES = 65536


class _Stream(Iterator[Any]):
    """What both have in common: an error is raised by `next`, and the one after it goes on."""

    def __init__(
        self, session: Session, ranges: Sequence[JidRange], timeout: float | None, ignore_errors: bool
    ) -> None:
        """Nothing is asked yet."""
        self._session = session
        self._left: list[JidRange] = list(ranges)
        self._timeout = timeout
        self._ignore_errors = ignore_errors
        self._pages: list[Page] = []

    def __iter__(self) -> _Stream:
        """Return itself."""
        return self

    def __length_hint__(self) -> int:
        """Return how many results are to come."""
        return ids.count(self._left)

    def _late(self, late: Late) -> Any:
        value = results.value_of(late.piece, late.at)
        if not self._ignore_errors and late.piece.ends.row(late.at).status != job.DONE:
            raise value
        return value

    def _waited(self, answer: Page | messages.Waited) -> Page:
        if isinstance(answer, messages.Waited):
            raise waiting.timed_out("__iresult iterator timed out", answer)
        self._pages.append(answer)
        return answer

    def _close_pages(self) -> None:
        for page in self._pages:
            page.close()
        self._pages.clear()

    def __del__(self) -> None:
        """Close the segments that nobody asked for any more."""
        self._close_pages()


class Ordered(_Stream):
    """Results in the order asked, each as soon as its job has ended."""

    def __init__(
        self, session: Session, ranges: Sequence[JidRange], timeout: float | None, ignore_errors: bool
    ) -> None:
        """Ask for nothing yet."""
        super().__init__(session, ranges, timeout, ignore_errors)
        self._ready: dict[int, Any] = {}
        self._window = _MIN_WINDOW

    def __next__(self) -> Any:
        """Return the next result.

        Raises:
            JobError: of this job; the next call goes on with the next one.
            CloudTimeoutError: if it has not ended in time; the next call waits for it again.
        """
        if not self._left:
            self._close_pages()
            raise StopIteration
        start, stop = self._left[0]
        ready = self._ready
        if start not in ready:
            self._fetch(start)
        value = ready.pop(start)
        self._left[0] = (start + 1, stop)
        if start + 1 >= stop:
            del self._left[0]
        return self._late(value) if type(value) is Late else value

    def _fetch(self, jid: int) -> None:
        """Take what has ended of the next jobs; if this one is not among them, wait for it."""
        if not self._ready:
            self._close_pages()
        self._read_ahead()
        if jid not in self._ready:
            alone = [(jid, jid + 1)]
            self._take(self._waited(results.fetch(self._session, alone, "all", self._timeout, READ_AHEAD_BYTES)))

    def _read_ahead(self) -> None:
        if len(self._ready) > _MAX_AHEAD or sum(page.open_segments for page in self._pages) > _MAX_SEGMENTS:
            return
        window = spans.unknown(spans.head(self._left, self._window), self._ready)
        self._take(self._waited(results.fetch(self._session, window, "", None, READ_AHEAD_BYTES)))
        if len(self._ready) * 2 >= self._window:
            self._window = min(self._window * 4, _MAX_WINDOW)

    def _take(self, page: Page) -> None:
        for piece in page.pieces:
            self._ready.update(zip(piece.jids, results.ready_values(piece), strict=True))


class Unordered(_Stream):
    """Results as their jobs end."""

    def __init__(
        self, session: Session, ranges: Sequence[JidRange], timeout: float | None, ignore_errors: bool
    ) -> None:
        """Ask for nothing yet; a job that is named twice is given once."""
        super().__init__(session, spans.merged(ranges), timeout, ignore_errors)
        self._ready: deque[Any] = deque()

    def __next__(self) -> Any:
        """Return the result of the job that ended next.

        Raises:
            JobError: of this job, named by `jid`; the next call goes on with the next one.
            CloudTimeoutError: if none has ended in time.
        """
        if not self._ready:
            self._close_pages()
            if not self._left:
                raise StopIteration
            self._fetch()
        value = self._ready.popleft()
        return self._late(value) if type(value) is Late else value

    def __length_hint__(self) -> int:
        """Return how many results are to come."""
        return super().__length_hint__() + len(self._ready)

    def _fetch(self) -> None:
        asked = self._left[:_MAX_RANGES]
        page = self._waited(results.fetch(self._session, asked, "any", self._timeout, READ_AHEAD_BYTES))
        ended = [
            entry
            for piece in page.pieces
            for entry in zip(results.moments(piece.ends), results.ready_values(piece), strict=True)
        ]
        ended.sort(key=itemgetter(0))
        self._ready.extend(map(itemgetter(1), ended))
        self._left = spans.without(self._left, page.ended)
