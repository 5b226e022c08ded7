"""Everything that is known of single jobs, for `info`: facts in JSON, bulky bytes beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from picloud.model import arguments, job, outcome
from picloud.node.contents import Contents
from picloud.node.reads import Piece, Reader
from picloud.node.workers import Worker
from picloud.store.tables import Tables

BULKY = frozenset({"args", "kwargs", "func_object"})
"""Keys whose values lie in the body."""


class Facts:
    """Answers `GetInfo`."""

    def __init__(self, reader: Reader, tables: Tables, contents: Contents, home: Path, max_output: int) -> None:
        """Read from the node's own tables."""
        self._reader = reader
        self._tables = tables
        self._contents = contents
        self._home = home
        self._max_output = max_output

    def of(self, pieces: list[Piece], keys: frozenset[str], wall: float) -> tuple[list[dict[str, Any]], list[bytes]]:
        """Return one dict a job, and the body that bulky facts point into as [offset, length].

        Output and log, which may be a megabyte a job, are there if one of them was asked for, or nothing in particular.
        """
        jobs: list[dict[str, Any]] = []
        body: list[bytes] = []
        output = not keys or bool(keys & {"stdout", "stderr", "log"})
        for piece in pieces:
            codes = self._reader.codes(piece)
            ends = self._ends_by_index(piece)
            shared = self._shared(piece, keys, body)
            for index in range(piece.start, piece.stop):
                facts = dict(shared, jid=piece.array.first + index, status=codes[index - piece.start])
                found = ends.get(index)
                if found is not None:
                    self._ended(facts, *found, output=output)
                    if "profile" in keys:
                        self._profile(facts, found[0].meta(found[1]), body)
                elif facts["status"] == job.PROCESSING:
                    self._running(facts, wall, output=output)
                if keys & {"args", "kwargs"}:
                    facts["args"] = self._arguments(piece, index, body)
                jobs.append(facts)
        return jobs, body

    def _ends_by_index(self, piece: Piece) -> dict[int, tuple[outcome.Ends, outcome.Row]]:
        found: dict[int, tuple[outcome.Ends, outcome.Row]] = {}
        for start, record in self._reader.ends(piece):
            ends = outcome.decode(record)
            for at in range(ends.count):
                found[start + at] = (ends, ends.row(at))
        return found

    def _shared(self, piece: Piece, keys: frozenset[str], body: list[bytes]) -> dict[str, Any]:
        """Return what all items of an array have in common."""
        array, options = piece.array, piece.array.options
        context = self._contents.context(array.context)
        shared: dict[str, Any] = {
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
            "depends_on": [list(pair) for pair in options.depends_on],
            "interpreter": context.executable,
            "python": context.python,
            "cwd": context.cwd,
            "is_map": array.is_map,
            "array": [array.first, array.count],
            "attempt": 1,
            "worker": None,
            "runtime": None,
            "started": None,
            "finished": None,
            "stdout": "",
            "stderr": "",
            "exception": None,
            "cause": None,
            "peak": None,
            "progress": None,
            "log": "",
        }
        if "func_object" in keys:
            shared["func_object"] = self._point(body, self._content(array.function))
        return shared

    def _content(self, hash_: str) -> bytes:
        content = self._contents.get(hash_)
        return content if isinstance(content, bytes) else (self._home / "segments" / content).read_bytes()

    def _arguments(self, piece: Piece, index: int, body: list[bytes]) -> list[int]:
        if piece.live is not None:
            record, _ = piece.live.arguments(index, index + 1, self._tables)
        else:
            at, whole = self._tables.arguments(piece.array.first, index, index + 1)[0]
            record = arguments.cut(whole, index - at, index - at + 1)
        payload = bytes(arguments.slices(record)[0])
        if payload[:1] == arguments.SEGMENT_MARK:
            payload = (self._home / "segments" / payload[1:].decode("ascii")).read_bytes()
        return self._point(body, payload)

    def _profile(self, facts: dict[str, Any], meta: dict[str, Any], body: list[bytes]) -> None:
        if "profile" in meta:
            text, left_out = meta["profile"]
            facts["profile"] = [*self._point(body, text.encode("ascii")), left_out]

    @staticmethod
    def _point(body: list[bytes], content: bytes) -> list[int]:
        at = sum(map(len, body))
        body.append(content)
        return [at, len(content)]

    def _ended(self, facts: dict[str, Any], ends: outcome.Ends, row: outcome.Row, *, output: bool) -> None:
        meta = ends.meta(row)
        started = ends.started + row.started
        facts["attempt"] = ends.attempt
        facts["worker"] = ends.worker or None
        facts["finished"] = started + row.runtime
        if ends.worker:
            facts["started"] = started
            facts["runtime"] = row.runtime
        facts["exception"] = meta.get("exception")
        facts["cause"] = meta.get("cause")
        facts["peak"] = meta.get("peak")
        facts["progress"] = meta.get("progress")
        if output:
            facts["log"] = meta.get("log", "")
            facts["stdout"] = self._output(meta, "out")
            facts["stderr"] = self._output(meta, "err")

    def _running(self, facts: dict[str, Any], wall: float, *, output: bool) -> None:
        worker: Worker | None = self._reader.worker_of(facts["jid"])
        if worker is None or worker.chunk is None:
            return
        facts["worker"] = worker.id
        facts["attempt"] = worker.chunk.attempt
        facts["started"] = worker.current_started()
        facts["runtime"] = max(0.0, wall - worker.current_started())
        said = worker.remarks_so_far()
        facts["progress"] = said.get("progress")
        if output:
            facts["log"] = said.get("log", "")
            facts["stdout"] = worker.output_so_far("stdout", self._max_output).decode(errors="replace")
            facts["stderr"] = worker.output_so_far("stderr", self._max_output).decode(errors="replace")

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
