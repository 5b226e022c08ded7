"""Taking in submissions: content, arguments in parts, dependencies, and a resend that finds its first copy."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any, get_type_hints

from picloud import faults
from picloud.exceptions import CloudException, DependencyError, ProtocolError, UnknownJobError
from picloud.model import arguments
from picloud.model.array import JobArray, JobOptions
from picloud.model.context import content_hash
from picloud.model.ids import JidRange
from picloud.node.answers import Answers
from picloud.node.jids import SharedJids
from picloud.node.live import LiveArray
from picloud.node.pools import Pool, pool_of
from picloud.node.reactor import Reactor
from picloud.node.reads import Reader
from picloud.node.room import Room
from picloud.node.sessions import Handler, Session
from picloud.node.waiting import as_ranges
from picloud.node.waits import failure_in, has_unfinished
from picloud.scheduler import events
from picloud.store.batch import argument_segments
from picloud.store.segments import accept
from picloud.store.tables import Tables
from picloud.wire import messages
from picloud.wire.channel import Received

MAX_ITEMS = 1 << 31
"""Most items of one array: indexes are stored in 32 bits."""

_DEFAULTS = JobOptions()
_OPTION_TYPES: dict[str, tuple[type, ...]] = {
    name: (float, int, NoneType) if name == "max_runtime" else (hint,)
    for name, hint in get_type_hints(JobOptions).items()
    if name != "depends_on"
}


class BlobMissingError(CloudException):
    """The node does not have content that a submission names: the client sends it again."""

    code = "blob.missing"


class Submissions:
    """Handles `Blob`, `Part` and `Submit`."""

    def __init__(
        self,
        reactor: Reactor,
        reader: Reader,
        tables: Tables,
        reserve: Room,
        answers: Answers,
        place: str,
        shared: SharedJids | None = None,
    ) -> None:
        """Give out jids from where the store left off, or those that are `shared` with other nodes."""
        self._reactor = reactor
        self._reader = reader
        self._tables = tables
        self._reserve = reserve
        self._answers = answers
        self._place = place
        self._next_jid = tables.next_jid()
        self._shared = shared
        self._recent: dict[tuple[str, int], int] = {}
        self._pools: dict[tuple[str, str, int], Pool] = {}

    def handlers(self) -> dict[type[messages.Message], Handler]:
        """Return what this part answers."""
        return {messages.Blob: self._blob, messages.Part: self._part, messages.Submit: self._submit}

    def _blob(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Blob)
        contents = self._reactor.contents
        if contents.known(message.hash):
            return
        batch = self._reactor.committer.batch
        if message.segment:
            batch.sync_first.append(self._accepted(message.segment))
            batch.put_blob_segment(message.hash, message.segment)
            contents.put(message.hash, message.segment)
            return
        if content_hash(received.body) != message.hash:
            raise ProtocolError("Content does not have the hash that it was sent under")
        batch.put_blob(message.hash, received.body)
        contents.put(message.hash, received.body)

    def _part(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Part)
        if message.start == 0:
            session.parts = []
        session.parts.append((message.start, _checked(received.body)))

    def _submit(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Submit)
        parts, session.parts = session.parts, []
        if received.body:
            at = parts[-1][0] + arguments.count_of(parts[-1][1]) if parts else 0
            parts = [*parts, (at, _checked(received.body))]
        faults.come_by("submission.received")
        known = self._known(session, message.sequence)
        if known is not None:
            self._reactor.committer.after(lambda: session.reply(messages.Submitted(known, message.count)))
            return
        _check_parts(message, parts)
        self._reserve.check(sum(len(record) for _, record in parts))
        for hash_ in (message.function, message.context):
            if not self._reactor.contents.known(hash_):
                raise BlobMissingError(f"The node does not have the content {hash_}")
        if self._shared is not None:
            self._next_jid = self._shared.begin(self._next_jid)
        try:
            live = self._take(self._array(session, message), parts)
        finally:
            if self._shared is not None:
                self._shared.end(self._next_jid)
        self._recent[session.client, message.sequence] = live.array.first
        if len(self._recent) > 10_000:
            self._recent.pop(next(iter(self._recent)))
        runner = self._reactor.runner_of(live.array.first) if message.linger and live.array.count == 1 else None
        committer, answers = self._reactor.committer, self._answers
        if runner is not None:
            committer.after_lingering(runner.link, lambda: answers.give(session, live))
        elif message.linger and live.array.count == 1 and session.worker is None:
            # Not for a job's call: the job holds its core until the answer comes.
            committer.after(lambda: answers.give_with_result(session, live))
        else:
            committer.after(lambda: answers.give(session, live))

    def _known(self, session: Session, sequence: int) -> int | None:
        """Return the first jid that this submission was given before, if it is a resend."""
        known = self._recent.get((session.client, sequence))
        if known is None and session.resumed:
            known = self._tables.first_of_submission(session.client, sequence)
        return known

    def _array(self, session: Session, message: messages.Submit) -> JobArray:
        parent = message.parent
        if parent is None and session.worker is not None:
            parent = self._reactor.job_in(session.worker)
        return JobArray(
            first=self._next_jid,
            count=message.count,
            client=session.client,
            sequence=message.sequence,
            function=message.function,
            context=message.context,
            name=message.name,
            is_map=message.is_map,
            created=self._reactor.clock.wall(),
            parent=parent,
            hostname=message.hostname,
            options=_options(message.options),
        )

    def _take(self, array: JobArray, parts: list[tuple[int, bytes]]) -> LiveArray:
        """Store an array and hand it to the scheduler; whatever can be refused is looked at before the first write."""
        open_ranges, failed = self.dependencies(array.options.depends_on) if array.options.depends_on else ([], None)
        pool = self._pool(array)
        named = [argument_segments(record) for _, record in parts]
        files = [self._accepted(segment) for segments in named for segment in segments]
        live = LiveArray(array, pool, bytearray())
        for (start, record), segments in zip(parts, named, strict=True):
            live.add_part(start, record, segments=bool(segments))
        self._next_jid += array.count
        event = submitted(array, pool.key, depends_on=tuple(open_ranges), failed_dependency=failed)
        batch = self._reactor.committer.batch
        # A worker may have its chunk before the store has the array: nobody hears of either before the commit.
        self._reactor.submit(live, event)
        batch.sync_first += files
        batch.put_array(array)
        for (start, record), segments in zip(parts, named, strict=True):
            batch.put_arguments(array.first, start, record, segments)
        return live

    def _pool(self, array: JobArray) -> Pool:
        key = (array.context, array.options.core_type, array.options.cores)
        pool = self._pools.get(key)
        if pool is None:
            try:
                context = self._reactor.contents.context(array.context)
                pool = self._pools[key] = pool_of(context, self._place, *key[1:])
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ProtocolError(f"The context of a submission could not be read: {error!r}") from error
            if len(self._pools) > 1000:
                self._pools.pop(next(iter(self._pools)))
        return pool

    def _accepted(self, segment: str) -> Path:
        """Give a segment of a submission its place."""
        try:
            return accept(self._reactor.home, segment)
        except (OSError, ValueError) as error:
            raise ProtocolError(f"The segment {segment!r} of a submission cannot be taken: {error}") from error

    def dependencies(self, ranges: tuple[JidRange, ...]) -> tuple[list[JidRange], int | None]:
        """Return the dependencies that have not ended, and the first that ended otherwise than as done."""
        try:
            pieces = self._reader.pieces(ranges)
        except UnknownJobError as error:
            raise DependencyError("This dependency does not exist.", jid=error.jid) from error
        open_ranges: list[JidRange] = []
        failed: int | None = None
        for piece in pieces:
            codes = self._reader.codes(piece)
            at = failure_in(codes)
            if at is not None and failed is None:
                failed = piece.jids[0] + at
            if has_unfinished(codes):
                open_ranges.append(piece.jids)
        return open_ranges, failed


def submitted(
    array: JobArray,
    pool: str,
    *,
    depends_on: tuple[JidRange, ...] = (),
    failed_dependency: int | None = None,
    ended: tuple[tuple[int, int, int], ...] = (),
    attempts: tuple[tuple[int, int, int], ...] = (),
) -> events.ArraySubmitted:
    """Return the scheduler's event for an array, a new one or one found at recovery."""
    options = array.options
    return events.ArraySubmitted(
        first=array.first,
        count=array.count,
        pool=pool,
        cores=options.cores,
        priority=options.priority,
        client=array.client,
        restartable=options.restartable,
        kill_process=options.kill_process,
        max_runtime=options.max_runtime,
        ignore_dependency_errors=options.ignore_dependency_errors,
        depends_on=depends_on,
        failed_dependency=failed_dependency,
        ended=ended,
        attempts=attempts,
    )


def _options(values: dict[str, Any]) -> JobOptions:
    """Return options as they came from a client, each of its field's type: a wrong one could never be read from the store."""
    if not values:
        return _DEFAULTS
    known = dict(values)
    for name, value in values.items():
        if name == "depends_on" and isinstance(value, list):
            known[name] = tuple(as_ranges(value))
        elif type(value) not in _OPTION_TYPES.get(name, ()):
            raise ProtocolError(f"A submission has an option that this node does not know: {name}={value!r}")
    options = JobOptions(**known)
    if options.cores < 1 or not (options.max_runtime is None or options.max_runtime > 0):
        raise ProtocolError("A submission asks for less than one core, or for no time at all")
    return options


def _checked(record: bytes) -> bytes:
    try:
        count = arguments.check(record)
    except ValueError as error:
        raise ProtocolError(f"Arguments could not be read: {error}") from error
    if not count:
        raise ProtocolError("A part of a submission holds no arguments")
    return record


def _check_parts(message: messages.Submit, parts: list[tuple[int, bytes]]) -> None:
    at = 0
    for start, record in parts:
        if start != at:
            raise ProtocolError("The parts of a submission are not in order")
        at += arguments.count_of(record)
    if at != message.count or not 0 < message.count <= MAX_ITEMS:
        raise ProtocolError(f"A submission of {message.count} items came with arguments for {at}")
    if not 0 <= message.sequence < 1 << 63:
        raise ProtocolError(f"A submission cannot have the number {message.sequence}")
