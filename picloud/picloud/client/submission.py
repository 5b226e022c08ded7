"""One submission: content that it names, arguments in parts, and the message that makes a job array of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from types import CodeType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from picloud.client.connection import BlobMissingError, Connection
from picloud.client.contexts import Contexts
from picloud.client.segments import SegmentWriter
from picloud.client.serialization import ArgumentEncoder, check_size, encode_function, excessive_function, is_global
from picloud.client.session import Session
from picloud.client.sources import NOTHING, Sources
from picloud.exceptions import CloudException, ExcessiveDataError
from picloud.model import arguments
from picloud.model.context import content_hash
from picloud.wire import messages, payload

if TYPE_CHECKING:
    from picloud.client.reports import Submitted

PART_BYTES = 1 << 20
"""Bytes of arguments after which a part is sent, while more are still pickled."""

_MIN_STEP = 4
_MAX_STEP = 8192
_PART_ITEMS = 1 << 16
_MAX_FUNCTIONS = 1000


class Request(NamedTuple):
    """What the caller wants, checked."""

    function: Callable[..., Any]
    """The job's function."""
    rows: Iterable[Any]
    """The tuples of positional arguments of a map, the bare arguments if it is `single`, or the one (args, kwargs) of a call."""
    is_map: bool
    """Which of both it is."""
    options: Mapping[str, Any]
    """Fields of `model.array.JobOptions` that differ from their defaults."""
    variables: Mapping[str, str]
    """Environment variables on top of the clean base."""
    single: bool = False
    """Whether it is a map over one iterable."""


class _Blob(NamedTuple):
    """Content that a submission names."""

    hash: str
    content: bytes
    segment: str


class _Function(NamedTuple):
    """A function that travels by its name alone: the same bytes each time."""

    function: Callable[..., Any]
    blob: _Blob
    name: str


class _Parts:
    """A submission's arguments in parts, pickled as they are asked for, and kept until the node has them all."""

    def __init__(self, rows: Iterator[Any], encoder: ArgumentEncoder, *, single: bool = False) -> None:
        self._rows = rows
        self._encoder = encoder
        self._encode = encoder.encode_column if single else encoder.encode_rows
        self._step = _MIN_STEP
        self._kept: list[tuple[int, bytes]] = []
        self.count = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield (index of the first item, arguments record), from the first one again each time."""
        yield from self._kept
        while (record := self._next()) is not None:
            part = (self.count, record)
            self._kept.append(part)
            self.count += arguments.count_of(record)
            yield part

    def _next(self) -> bytes | None:
        """Return a record of the next items; None if there are no more."""
        items: list[bytes] = []
        size = 0
        while size < PART_BYTES and len(items) < _PART_ITEMS:
            rows = list(islice(self._rows, self._step))
            if not rows:
                break
            encoded = self._encode(rows, self.count + len(items))
            items += encoded
            # Large items count as well, though they go into files: else a generator of them would be read far ahead.
            taken = sum(map(len, encoded)) + self._encoder.aside()
            size += taken
            self._step = max(1, min(_MAX_STEP, self._step * 4, PART_BYTES * len(rows) // taken))
        if not items:
            return None
        return arguments.encode_items(items)


class Submitter:
    """Turns requests of this process into job arrays."""

    def __init__(self) -> None:
        """Know nothing of the process yet."""
        self._sources = Sources()
        self._contexts = Contexts()
        self._functions: dict[int, _Function] = {}

    def submit(self, session: Session, request: Request) -> range:
        """Submit and return the jids of the items in their order.

        Raises:
            SerializationError: if function or arguments cannot travel.
            ExcessiveDataError: if one of them is above the limit that was set.
            CloudException: what the node says, such as `DependencyError`.
        """
        return _Submission(session, request, self._sources, self._contexts, self._functions).run()


class _Submission:
    def __init__(
        self,
        session: Session,
        request: Request,
        sources: Sources,
        contexts: Contexts,
        functions: dict[int, _Function],
    ) -> None:
        self._session = session
        self._linger = not request.is_map and session.is_waiting
        self._request = request
        self._segments: SegmentWriter | None = None
        self._sent = False
        self._limit = session.settings.max_transmit_data
        self._sources = sources
        self._contexts = contexts
        self._functions = functions
        self._name = ""
        self._names = ("", "")
        self._blobs: list[_Blob] = []
        self._parts: _Parts | None = None
        self._single = b""
        self._report: Submitted | None = None

    def run(self) -> range:
        self._session.is_waiting = False
        try:
            self._prepare()
            submitted = self._session.run(self._exchange)
        finally:
            if self._segments is not None:
                self._segments.close()
        if submitted is None:
            return range(0)
        jids = range(submitted.first, submitted.first + submitted.count)
        if self._report is not None and self._session.reports is not None:
            self._session.reports.accepted(self._report, jids)
        if self._session.settings.save_log:
            self._session.note("debug", "submitted %s of %s", described(jids), self._name)
        return jids

    def _prepare(self) -> None:
        """Encode what needs no connection: function, bundle, context, the arguments of a call."""
        request, settings = self._request, self._session.settings
        if self._session.reports is not None:
            self._report = self._session.reports.begin(name_of(request.function), is_map=request.is_map)
        function, codes = self._function(request.function)
        bundle = self._sources.current(codes) if settings.automatic_dependency_transfer else NOTHING
        context = self._contexts.current(bundle.hash, settings.pass_env, request.variables)
        self._names = (function.hash, context.hash)
        self._blobs = [function, _Blob(context.hash, context.content, "")]
        if bundle.hash:
            self._blobs.append(_Blob(bundle.hash, bundle.content, ""))
        level = int(request.options.get("fast_serialization", 0))
        encoder = ArgumentEncoder(self._limit, level, request.is_map, self._writer, self._report)
        if request.is_map:
            self._parts = _Parts(iter(request.rows), encoder, single=request.single)
        else:
            (row,) = request.rows
            self._single = arguments.encode_one(encoder.encode(row))

    def _function(self, function: Callable[..., Any]) -> tuple[_Blob, list[CodeType]]:
        """Return a function's content, and the code in it that goes by value."""
        by_name = is_global(function) and self._report is None
        if by_name:
            kept = self._functions.get(id(function))
            if kept is not None and kept.function is function:
                self._name = kept.name
                return kept.blob, []
        encoded = encode_function(function, self._sources.quoted_text)
        if self._report is not None:
            self._report.function(encoded.pickled, list(map(len, encoded.buffers)))
        try:
            blob = self._blob(encoded.pickled, encoded.buffers)
        except ExcessiveDataError as error:
            raise excessive_function(function, error) from None
        self._name = name_of(function)
        if by_name:
            if len(self._functions) >= _MAX_FUNCTIONS:
                self._functions.clear()
            self._functions[id(function)] = _Function(function, blob, self._name)
        return blob, encoded.codes

    def _blob(self, pickled: bytes, buffers: list[memoryview]) -> _Blob:
        size = payload.size(pickled, buffers) if buffers else len(pickled)
        check_size(size, self._limit)
        if size >= payload.SEGMENT_THRESHOLD:
            digest = content_hash(b"".join([pickled, *buffers]))
            return _Blob(digest, b"", self._writer().write(pickled, buffers))
        content = b"".join(payload.parts(pickled, buffers)) if buffers else pickled
        return _Blob(content_hash(content), content, "")

    def _writer(self) -> SegmentWriter:
        if self._segments is None:
            self._segments = SegmentWriter(self._session.incoming)
        return self._segments

    def _exchange(self, connection: Connection) -> messages.Submitted | None:
        """Send everything and return the answer, once more where the node has forgotten content."""
        if self._sent and self._segments is not None:
            self._segments.restore()
        self._sent = True
        sequence = connection.next_sequence()
        known = self._session.known_blobs(connection)
        try:
            return self._send(connection, sequence, known)
        except BlobMissingError:
            known.clear()
            return self._send(connection, sequence, known)
        except CloudException:
            # The node may have refused a part or a blob as well: its answers to those are not told from later ones.
            connection.broken = True
            raise

    def _send(self, connection: Connection, sequence: int, known: set[str]) -> messages.Submitted | None:
        sent = [blob for blob in self._blobs if blob.hash not in known]
        for blob in sent:
            connection.send(messages.Blob(blob.hash, blob.segment), (blob.content,) if blob.content else ())
        body: tuple[bytes, ...] = ()
        count = 1
        if self._parts is not None:
            last: tuple[int, bytes] | None = None
            for part in self._parts:
                if last is not None:
                    connection.send(messages.Part(sequence, last[0]), (last[1],))
                last = part
            if last is None:
                return None
            if last[0] > 0:
                connection.send(messages.Part(sequence, last[0]), (last[1],))
            else:
                body = (last[1],)
            count = self._parts.count
        else:
            body = (self._single,)
        received = connection.request(self._message(sequence, count), body)
        known.update(blob.hash for blob in sent)
        submitted = messages.expect(received.message, messages.Submitted)
        if received.body:
            self._session.recent.put(submitted.first, received.body)
        return submitted

    def _message(self, sequence: int, count: int) -> messages.Submit:
        return messages.Submit(
            sequence=sequence,
            count=count,
            function=self._names[0],
            context=self._names[1],
            name=self._name,
            is_map=self._request.is_map,
            parent=None,
            hostname=self._session.hostname,
            options=dict(self._request.options),
            linger=self._linger,
        )


def described(jids: range) -> str:
    """Return jobs as a log names them."""
    return f"job {jids.start}" if len(jids) == 1 else f"jobs {jids.start} to {jids.stop - 1}"


def name_of(function: object) -> str:
    """Return a function as people know it: 'module.name at file:line'."""
    if isinstance(function, partial):
        return f"partial of {name_of(function.func)}"
    inner = function.__func__ if isinstance(function, MethodType) else function
    code = getattr(inner, "__code__", None)
    name = getattr(inner, "__qualname__", None)
    if name is None:
        return f"{type(inner).__module__}.{type(inner).__qualname__} object"
    full = f"{getattr(inner, '__module__', None) or '__main__'}.{name}"
    return full if code is None else f"{full} at {code.co_filename}:{code.co_firstlineno}"
