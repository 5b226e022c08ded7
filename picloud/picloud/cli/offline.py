"""Reading the store without a node, under the node's own lock, so that the two never meet.

Nothing is written, unless a node was killed whose last commits only its journal holds: they reach LMDB first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from picloud.cli.jids import Listed
from picloud.client import info as client_info
from picloud.client.results import Page, values_of
from picloud.client.session import Session
from picloud.exceptions import HomeError, NodeError, UnfinishedJobError
from picloud.model import job, outcome
from picloud.model.array import JobArray
from picloud.model.facts import encode as encode_facts
from picloud.model.ids import JidRange
from picloud.model.settings import Settings
from picloud.node.contents import Contents
from picloud.node.facts import Facts
from picloud.node.home import Home
from picloud.node.live import LiveArrays
from picloud.node.lock import FileLock
from picloud.node.reads import Piece, Reader, segments_in
from picloud.store import backup, integrity, segments, starts
from picloud.store.environment import Environment
from picloud.store.keys import FileKind
from picloud.store.tables import Tables
from picloud.store.writer import bring_up_to_date
from picloud.wire import messages
from picloud.wire.channel import Received


class LockedHome:
    """A home whose node does not run, and cannot start until this is left."""

    def __init__(self, path: Path) -> None:
        """Take the node's lock.

        Raises:
            HomeError: if there is no such home, or its lock cannot be opened.
            NodeError: if a node runs.
        """
        self.path = path
        try:
            if not path.is_dir():
                raise HomeError(f"There is no home at {path}", hint="set PICLOUD_HOME to the one that you want to read")
            self._lock = FileLock(Home(path).lock)
        except OSError as error:
            raise HomeError(f"The lock of {path} cannot be opened: {error.strerror or error}") from error
        if not self._lock.try_exclusive():
            self._lock.release()
            raise NodeError(f"A node runs on {path}", hint="leave out --offline")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back."""
        self._lock.release()

    def check(self) -> integrity.Report:
        """Walk the whole store, in a child process: damage below the records would end this one.

        Where a node refuses to start after failed starts, and there is nothing wrong, it may start again.

        Raises:
            StoreError: if it cannot be opened, or the child died of it.
        """
        report = integrity.check_in_child(self.path)
        if not report.damaged and starts.read(self.path).failures:
            starts.ended(self.path)
        return report

    def backup(self, directory: Path, settings: Settings) -> backup.Backup:
        """Write a backup into a folder that does not exist or is empty, as `picloud.store.backup` does."""
        bring_up_to_date(self.path, settings.durability)
        with Environment.open(self.path, settings.durability, readonly=True) as environment:
            return backup.backup(environment, directory)


class Offline(LockedHome):
    """What the store knows of jobs."""

    def __init__(self, path: Path, settings: Settings) -> None:
        """Take the lock and open the store for reading.

        Raises:
            StoreError: if it cannot be opened.
        """
        super().__init__(path)
        try:
            bring_up_to_date(path, settings.durability)
            self._environment = Environment.open(path, settings.durability, readonly=True)
        except BaseException:
            super().__exit__(None, None, None)
            raise
        self._tables = Tables(self._environment)
        self._reader = Reader(LiveArrays(), self._tables, {})
        self._facts = Facts(self._reader, self._tables, Contents(self._tables), path, settings.max_output)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store and give the lock back."""
        self._environment.close()
        super().__exit__(kind, error, trace)

    def newest_first(self) -> Iterator[Listed]:
        """Yield the stored arrays."""
        for array in self._tables.arrays(backwards=True):
            deleted = self._tables.deleted(array.first)
            yield Listed(array.first, array.count, tuple((array.first + a, array.first + b) for a, b in deleted))

    def statuses(self, ranges: Sequence[JidRange]) -> bytes:
        """Return one status code a job: nothing runs, so what has not ended is queued, or waiting for others.

        Raises:
            UnknownJobError: naming the first jid that no job has.
        """
        return b"".join(self._codes(piece) for piece in self._reader.pieces(ranges))

    def results(self, ranges: Sequence[JidRange], timeout: float | None, ignore_errors: bool) -> list[Any]:
        """Return results in the order asked, errors in their places if they are ignored; nothing is waited for.

        Raises:
            JobError: of the first job that did not end as done, unless errors are ignored.
            UnfinishedJobError: if one has not ended.
        """
        values: list[Any] = []
        for piece in self._reader.pieces(ranges):
            unfinished = self._codes(piece).translate(None, bytes(range(job.DONE, len(job.BY_CODE))))
            if unfinished:
                at = next(i for i, code in enumerate(self._codes(piece)) if not job.is_finished(code))
                raise UnfinishedJobError("Has not ended", jid=piece.jids[0] + at, hint="leave out --offline")
            for page in self._pages(piece):
                try:
                    for part in page.pieces:
                        values += values_of(part, ignore_errors)
                finally:
                    page.close()
        return values

    def info(self, ranges: Sequence[JidRange], keys: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Return what `cloud.info` does."""
        return client_info.get_info(cast("Session", self), ranges, keys)

    def request(self, message: messages.GetInfo) -> Received:
        """Answer as a node does that runs nothing, so that the client's own code makes values of the facts."""
        ranges = [(start, stop) for start, stop in message.ranges]
        page = self._facts.page(ranges, frozenset(message.facts), time.time())
        for group in page.groups:
            array = self._tables.array_of(group.first)
            if array is not None and "status" in group.shared and any("status" not in own for own in group.own):
                group.shared["status"] = self._state_of_the_unfinished(array)
        text = encode_facts(page.groups)
        answer = messages.Info(len(text), [list(pair) for pair in page.rest])
        return Received(answer, b"".join((text, *page.body)), [])

    def _codes(self, piece: Piece) -> bytes:
        codes = self._reader.codes(piece)
        return codes.replace(b"\0", bytes((self._state_of_the_unfinished(piece.array),)))

    def _state_of_the_unfinished(self, array: JobArray) -> int:
        for wanted in array.options.depends_on:
            ended = sum(stop - start for start, stop, _code in self._tables.finished_ranges(wanted))
            if ended < wanted[1] - wanted[0]:
                return job.WAITING
        return job.QUEUED

    def _pages(self, piece: Piece) -> Iterator[Page]:
        for start, record in self._reader.ends(piece):
            names = segments_in(record)
            opened = [
                os.open(segments.path(self.path, FileKind.SEGMENT, name), os.O_RDONLY | os.O_CLOEXEC) for name in names
            ]
            place = [piece.array.first + start, outcome.decode(record).count, len(record)]
            yield Page(Received(messages.EndsPage([place], names, []), record, opened))
