"""Serialization reports: what of a job's function, arguments and result travels, as XML files for people.

They are written where `serialize_logging` asks for them, in the simulator also where `force_serialize_logging` does; each session
has a folder of its own, named as PiCloud named it.  They say types, names and sizes, never values.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from picloud.client import log, logs
from picloud.client.anatomy import Part, anatomy
from picloud.model import job
from picloud.model.outcome import Ends, RowFlag
from picloud.model.settings import Settings
from picloud.wire import payload

if TYPE_CHECKING:
    from picloud.client.results import Piece

MOST_ITEMS = 10_000
"""Items of one map whose arguments and results are reported: so many PiCloud took in one map."""

_LONGEST_NAME = 80
_FIRST_LINE = '<?xml version="1.0" encoding="utf-8"?>\n'


def reports_of(values: Settings, kind: str) -> Reports | None:
    """Return where a session's reports go, None if none are asked for; `kind` is 'Local', 'Multiprocessing' or 'Simulation'."""
    if values.serialize_logging or (kind == "Simulation" and values.force_serialize_logging):
        return Reports(values, kind)
    return None


class Reports:
    """The reports of one session, whichever of its threads writes them."""

    def __init__(self, values: Settings, kind: str) -> None:
        """Make nothing until there is something to report."""
        self._settings = values
        self._kind = kind
        self.forget_parent()

    def forget_parent(self) -> None:
        """Begin anew, in a folder of its own, as a forked child does."""
        self._folder: Path | None = None
        self._count = 0
        self._lock = threading.Lock()
        self._firsts: list[int] = []
        self._submitted: list[Submitted] = []

    def begin(self, function: str, *, is_map: bool) -> Submitted:
        """Return the reports of a submission of a function, named as `submission.name_of` does."""
        with self._lock:
            if self._folder is None or not self._folder.exists():
                try:
                    self._folder = logs.new_folder(self._settings, self._kind)
                except OSError as error:
                    log.logger(self._settings).error("no serialization reports can be written: %s", error)
            number, self._count = self._count, self._count + 1
            folder = self._folder
        name = re.sub(r"[^\w.-]", "_", function.partition(" at ")[0])[:_LONGEST_NAME]
        return Submitted(self._settings, folder, f"{'map' if is_map else 'call'}.{name}.{number}", is_map)

    def accepted(self, submitted: Submitted, jids: range) -> None:
        """Note whose jobs these are, so that their results go beside their arguments."""
        with self._lock:
            submitted.jids = jids
            at = bisect_right(self._firsts, jids.start)
            self._firsts.insert(at, jids.start)
            self._submitted.insert(at, submitted)

    def ended(self, pieces: Iterable[Piece]) -> None:
        """Report the results of jobs of this session, each once."""
        for piece in pieces:
            with self._lock:
                at = bisect_right(self._firsts, piece.first) - 1
                submitted = self._submitted[at] if at >= 0 else None
            if submitted is not None and piece.first in submitted.jids:
                submitted.results(piece.first - submitted.jids.start, piece.ends, piece.segments)


class Submitted:
    """The reports of one submission: one that cannot be written is missing, and harms no job."""

    def __init__(self, values: Settings, folder: Path | None, name: str, is_map: bool) -> None:
        """Write files into a folder whose names begin with `name`; without a folder write none."""
        self._settings = values
        self._folder = folder
        self._name = name
        self._is_map = is_map
        self.jids = range(0)
        """Its jobs, once they are known."""

    def function(self, pickled: bytes | memoryview, buffers: Sequence[int]) -> None:
        """Report the function."""
        self._write("func", pickled, buffers)

    def argument(self, index: int, pickled: bytes | memoryview, buffers: Sequence[int]) -> None:
        """Report the arguments of the item at `index`."""
        if index < MOST_ITEMS:
            self._write(f"jobarg_{index}" if self._is_map else "args", pickled, buffers)

    def results(self, start: int, ends: Ends, segments: dict[str, int]) -> None:
        """Report the results in a record whose first item has the index `start`, but those that were reported before."""
        for index in range(min(ends.count, MOST_ITEMS - start, len(self.jids) - start)):
            row = ends.row(index)
            suffix = f"jobresult_{start + index}" if self._is_map else "result"
            path = self._path(suffix)
            if row.status != job.DONE or path is None or path.exists():
                continue
            content = ends.payload(row)
            if row.flags & RowFlag.RESULT_SEGMENT:
                with payload.mapped(segments[str(content, "ascii")]) as view:
                    self._write_content(suffix, view)
            else:
                self._write_content(suffix, memoryview(content))

    def _write_content(self, suffix: str, content: memoryview) -> None:
        pickled, buffers = payload.split(content) if payload.is_segment(content) else (content, [])
        self._write(suffix, pickled, [len(buffer) for buffer in buffers])

    def _write(self, suffix: str, pickled: bytes | memoryview, buffers: Sequence[int]) -> None:
        path = self._path(suffix)
        if path is None:
            return
        try:
            with open(path, "w", encoding="utf-8", opener=logs.private) as file:
                file.writelines(_lines(anatomy(pickled, buffers)))
        except (OSError, ValueError) as error:
            log.logger(self._settings).error("the serialization report %s cannot be written: %s", path, error)

    def _path(self, suffix: str) -> Path | None:
        return self._folder / f"{self._name}.{suffix}.xml" if self._folder is not None else None


def _lines(root: Part) -> Iterator[str]:
    """Yield the lines of a report; values of any depth are worked off, not recursed into."""
    yield _FIRST_LINE
    pending: list[tuple[Part, int, bool]] = [(root, 0, False)]
    while pending:
        part, depth, is_end = pending.pop()
        indent = "  " * min(depth, 40)
        if is_end:
            yield f"{indent}</value>\n"
        elif not part.parts:
            yield f"{indent}<value{_attributes(part)}/>\n"
        else:
            yield f"{indent}<value{_attributes(part)}>\n"
            pending.append((part, depth, True))
            pending += [(inner, depth + 1, False) for inner in reversed(_counted(part.parts))]


class _Alike(Part):
    """Neighbours of one kind that hold nothing and have no names: one line for all of them."""

    __slots__ = ("count",)
    count: int


def _counted(parts: Sequence[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last is None or part.parts or part.name or last.parts or last.name or part.kind != last.kind:
            found.append(part)
        elif isinstance(last, _Alike):
            last.count += 1
            last.size += part.size
        else:
            alike = _Alike(part.kind, last.size + part.size)
            alike.count = 2
            found[-1] = alike
    return found


def _attributes(part: Part) -> str:
    named = {"name": part.name, "type": part.kind}
    if part.kind == "global":
        named["global"] = part.text or ""
    if isinstance(part, _Alike):
        named["count"] = str(part.count)
    named["bytes"] = str(part.size)
    return "".join(f" {key}={quoteattr(_printable(text))}" for key, text in named.items() if text)


def _printable(text: str) -> str:
    """Return a name as XML 1.0 can hold it."""
    cut = text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "..."
    return "".join(char if char.isprintable() else "?" for char in cut)
