"""Everything that is known of single jobs, for `info`: a page of facts in JSON, bulky bytes beside them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

from picloud.model import arguments, job, outcome
from picloud.model.facts import Group
from picloud.model.ids import JidRange
from picloud.node.contents import Contents
from picloud.node.listening import listening
from picloud.node.reads import Kept, Piece, Reader, payload_of
from picloud.node.workers import Worker
from picloud.store.keys import Table
from picloud.store.tables import Tables

COSTLY = frozenset({"args", "func_object", "ports", "profile"})
"""Facts that are given only if they are asked for: their bytes lie in the body, or the kernel is asked for them."""
PAGE_JOBS = 8192
"""Jobs on one page at most, so that other clients need not wait long for their turn."""
PAGE_BYTES = 4 << 20
"""Bytes of text and content after which a page ends; the job that goes beyond is the last on it."""

_STEP = 256


class FactsPage(NamedTuple):
    """One page of facts."""

    groups: list[Group]
    """The jobs."""
    body: list[bytes]
    """Bytes that facts point into."""
    rest: list[JidRange]
    """Jobs that did not fit."""


class _Page:
    """A page while it is filled."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self.kept = Kept()
        self.groups: list[Group] = []
        self.body: list[bytes] = []
        self.jobs = 0
        self.size = 0
        self._at = 0

    def wants(self, name: str) -> bool:
        return name in self._wanted if self._wanted else name not in COSTLY

    def only_wanted(self, facts: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in facts.items() if self.wants(name)}

    def is_full(self) -> bool:
        return self.jobs >= PAGE_JOBS or self.size >= PAGE_BYTES

    def point(self, content: bytes | memoryview) -> list[int]:
        """Put content into the body, and return where it is."""
        at = self._at
        self.body.append(bytes(content))
        self._at += len(content)
        self.size += len(content)
        return [at, len(content)]


class Facts:
    """Answers `GetInfo`."""

    def __init__(self, reader: Reader, tables: Tables, contents: Contents, home: Path, max_output: int) -> None:
        """Read from the node's own tables."""
        self._reader = reader
        self._tables = tables
        self._contents = contents
        self._home = home
        self._max_output = max_output

    def page(self, ranges: Iterable[JidRange], wanted: frozenset[str], wall: float) -> FactsPage:
        """Return the facts named, all but the costly ones if none is, of the first jobs; `wall` is now.

        Raises:
            UnknownJobError: naming the first jid that no job has.
        """
        page = _Page(wanted)
        rest: list[JidRange] = []
        with self._tables.held():
            for start, stop in ranges:
                at = start
                if not page.is_full():
                    for piece in self._reader.pieces([(at, min(stop, at + PAGE_JOBS - page.jobs))]):
                        if page.is_full():
                            break
                        at += self._add(page, piece, wall)
                if at < stop:
                    rest.append((at, stop))
        return FactsPage(page.groups, page.body, rest)

    def _add(self, page: _Page, piece: Piece, wall: float) -> int:
        """Add the first jobs of a piece to the page; return how many."""
        own: list[dict[str, Any]] = [{} for _ in range(piece.stop - piece.start)]
        shared = self._shared(piece, page)
        del own[self._add_ends(page, piece, own) :]
        if piece.live is not None:
            self._add_states(page, piece, own, wall)
        if page.wants("args"):
            del own[self._add_arguments(page, piece, own) :]
        page.groups.append(Group(piece.jids[0], shared, own))
        page.jobs += len(own)
        return len(own)

    def _shared(self, piece: Piece, page: _Page) -> dict[str, Any]:
        """Return what all items of an array have in common, and what is true of one that has not begun."""
        array, options = piece.array, piece.array.options
        shared: dict[str, Any] = {
            "status": job.WAITING,
            "runtime": None,
            "stdout": "",
            "stderr": "",
            "label": options.label,
            "function": array.name,
            "created": array.created,
            "parent": array.parent,
            "hostname": array.hostname,
            "priority": options.priority,
            "core_type": options.core_type,
            "cores": options.cores,
            "restartable": options.restartable,
            "max_runtime": options.max_runtime,
            "is_map": array.is_map,
            "array": [array.first, array.count],
            "attempt": 1,
            "worker": None,
            "started": None,
            "finished": None,
            "exception": None,
            "cause": None,
            "peak": None,
            "progress": None,
            "log": "",
            "ports": None,
        }
        shared = page.only_wanted(shared)
        if page.wants("depends_on"):
            shared["depends_on"] = [list(pair) for pair in options.depends_on]
        if page.wants("interpreter") or page.wants("python") or page.wants("cwd"):
            context = self._contents.context(array.context)
            places = {"interpreter": context.executable, "python": context.python, "cwd": context.cwd}
            shared |= page.only_wanted(places)
        if page.wants("func_object"):
            shared["func_object"] = page.point(self._content(array.function))
        return shared

    def _content(self, hash_: str) -> bytes:
        content = self._contents.get(hash_)
        return content if isinstance(content, bytes) else (self._home / "segments" / content).read_bytes()

    def _add_ends(self, page: _Page, piece: Piece, own: list[dict[str, Any]]) -> int:
        """Say how jobs ended; return how many there is room for."""
        status, finished = map(page.wants, ("status", "finished"))
        runtime, started = map(page.wants, _OF_RUN)
        metas = any(map(page.wants, (*_NOTED, *_OF_RUN, "stdout", "stderr", "profile")))
        for index, record in self._reader.ends(piece, page.kept):
            ends = outcome.decode(record)
            ran = ends.worker > 0
            of_all = page.only_wanted({"attempt": ends.attempt, "worker": ends.worker or None})
            start = index - piece.start
            for at, (code, _, _, _, meta_length, _, after, took) in enumerate(_rows(ends)):
                facts = own[start + at]
                facts.update(of_all)
                if status:
                    facts["status"] = code
                if runtime and ran:
                    facts["runtime"] = took
                if started and ran:
                    facts["started"] = ends.started + after
                if finished:
                    facts["finished"] = ends.started + after + took
                if metas and meta_length:
                    self._add_meta(page, ends.meta(ends.row(at)), ends.started + after + took, facts)
                    if page.is_full():
                        return start + at + 1
        return len(own)

    def _add_meta(self, page: _Page, meta: dict[str, Any], finished: float, facts: dict[str, Any]) -> None:
        """Say what was noted of one job's end, which was at the Unix time `finished`."""
        found = page.only_wanted({name: meta[name] for name in _NOTED if name in meta})
        if "started" in meta:
            # Its worker ended under it, so that the node wrote its end.
            found |= page.only_wanted({"worker": meta["worker"], "started": meta["started"]})
            if page.wants("runtime"):
                found["runtime"] = max(0.0, finished - meta["started"])
        found |= {name: self._output(meta, key) for name, key in _STREAMS if key in meta and page.wants(name)}
        if "profile" in meta and page.wants("profile"):
            text, left_out = meta["profile"]
            facts["profile"] = [*page.point(text.encode("ascii")), left_out]
        facts |= found
        page.size += sum(len(text) for text in found.values() if isinstance(text, str))

    def _add_states(self, page: _Page, piece: Piece, own: list[dict[str, Any]], wall: float) -> None:
        """Say how far the jobs of a live array are, and of those that run what is seen of them now."""
        for at, code in enumerate(self._reader.codes(piece)[: len(own)]):
            if page.wants("status"):
                own[at]["status"] = code
            if code == job.PROCESSING:
                worker: Worker | None = self._reader.worker_of(piece.jids[0] + at)
                if worker is not None and worker.chunk is not None:
                    own[at] |= self._running(page, worker, worker.chunk.attempt, wall)

    def _running(self, page: _Page, worker: Worker, attempt: int, wall: float) -> dict[str, Any]:
        since = worker.current_started()
        found: dict[str, Any] = {"worker": worker.id, "attempt": attempt, "started": since}
        found["runtime"] = max(0.0, wall - since)
        found = page.only_wanted(found)
        for name, _ in _STREAMS:
            if page.wants(name):
                found[name] = worker.output_so_far(name, self._max_output).decode(errors="replace")
                page.size += len(found[name])
        if page.wants("progress") or page.wants("log"):
            found |= page.only_wanted(worker.remarks_so_far())
        if page.wants("ports"):
            found["ports"] = listening(worker.pid)
        return found

    def _add_arguments(self, page: _Page, piece: Piece, own: list[dict[str, Any]]) -> int:
        """Put arguments into the body; return of how many jobs there is room for."""
        for at, (facts, item) in enumerate(zip(own, self._arguments(piece), strict=False), 1):
            facts["args"] = page.point(payload_of(self._home, item))
            if page.is_full():
                return at
        return len(own)

    def _arguments(self, piece: Piece) -> Iterator[memoryview]:
        """Yield the payloads of a piece's items, without more in memory than a few at a time."""
        if piece.live is not None:
            for low in range(piece.start, piece.stop, _STEP):
                record, _ = piece.live.arguments(low, min(low + _STEP, piece.stop), self._tables)
                yield from arguments.slices(record)
            return
        for at, view in self._tables.views(Table.ARGUMENTS, piece.array.first, piece.start, piece.stop):
            yield from arguments.slices(view)[max(0, piece.start - at) : piece.stop - at]

    def _output(self, meta: dict[str, Any], key: str) -> str:
        """Return what a job wrote: from the record itself, or from its worker's spool."""
        value = meta.get(key)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        path = self._home / "spool" / f"{meta['spool']}.{key}"
        offset, length, *cut = value
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return ""
        try:
            if not cut:
                return os.pread(descriptor, min(length, self._max_output), offset).decode(errors="replace")
            head, tail = cut
            first = os.pread(descriptor, head, offset).decode(errors="replace")
            last = os.pread(descriptor, tail, offset + length - tail).decode(errors="replace")
            return f"{first}\n[... {length - head - tail} bytes were dropped here ...]\n{last}"
        finally:
            os.close(descriptor)


_NOTED = ("exception", "cause", "peak", "progress", "log")
"""Facts that stand as they are in what was noted of a job's end."""
_OF_RUN = ("runtime", "started")
"""Facts that are noted of a job whose worker ended under it."""
_STREAMS = (("stdout", "out"), ("stderr", "err"))


def _rows(ends: outcome.Ends) -> Iterable[tuple[Any, ...]]:
    """Return the rows of a record, one an item."""
    if ends.flags & outcome.RecordFlag.UNIFORM:
        return repeat(outcome.ROW.unpack_from(ends.rows), ends.count)
    return outcome.ROW.iter_unpack(ends.rows)
