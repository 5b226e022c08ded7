"""The table that `cloud.view` shows: which jobs, what of each, and as text or HTML.  No clock and no terminal: see `view`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from picloud.client.progress import duration
from picloud.model import job

KEYS = ("function", "label", "status", "runtime", "progress")
"""What `info` is asked for."""

_COLUMNS = ("job", *KEYS)
_OPTIONAL = ("label", "progress")
"""Columns that are left out where all their cells are empty."""
_NAME_LENGTH = 40
_FIRST = (job.PROCESSING, job.ERROR, job.KILLED, job.STALLED, job.QUEUED, job.WAITING)


@dataclass(frozen=True, slots=True)
class Table:
    """Some jobs at one moment."""

    header: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, one row a job."""
    hidden: int
    """How many jobs there are besides."""
    summary: str
    """All jobs in one sentence."""

    @property
    def status(self) -> int:
        """Return which column has the statuses."""
        return self.header.index("status")

    @property
    def foot(self) -> str:
        """Return what stands below the rows."""
        return f"and {self.hidden} more; {self.summary}" if self.hidden else self.summary

    def __str__(self) -> str:
        """Return plain text: aligned columns, two spaces apart."""
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([*texts, self.foot])

    __repr__ = __str__
    """A notebook without HTML shows this."""

    def _repr_html_(self) -> str:
        """Return HTML, as notebooks ask for it."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.header)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{escape(self.foot)}</p>"


def table(facts: Mapping[int, Mapping[str, Any]], hidden: int, summary: str) -> Table:
    """Return the table of jobs by what `info` says of them."""
    rows = [_cells(jid, each) for jid, each in facts.items()]
    shown = [at for at, name in enumerate(_COLUMNS) if name not in _OPTIONAL or any(row[at] for row in rows)]
    return Table(
        tuple(_COLUMNS[at] for at in shown), tuple(tuple(row[at] for at in shown) for row in rows), hidden, summary
    )


def chosen(codes: bytes, room: int) -> list[int]:
    """Return which of many jobs are shown: those that run, then those that failed, then the next ones, then the last done."""
    if len(codes) <= room:
        return list(range(len(codes)))
    found: list[int] = []
    for code in _FIRST:
        at = codes.find(code)
        while at >= 0 and len(found) < room:
            found.append(at)
            at = codes.find(code, at + 1)
    at = codes.rfind(job.DONE)
    while at >= 0 and len(found) < room:
        found.append(at)
        at = codes.rfind(job.DONE, 0, at)
    return sorted(found)


def _cells(jid: int, facts: Mapping[str, Any]) -> tuple[str, ...]:
    name = str(facts["function"]).partition(" at ")[0]
    runtime = facts["runtime"]
    texts = (
        str(jid),
        name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 3]}...",
        facts["label"],
        facts["status"],
        "" if runtime is None else duration(runtime),
        progress_text(facts["progress"]),
    )
    return tuple(map(_printable, texts))


def progress_text(progress: Mapping[str, Any] | None) -> str:
    """Return what a job said last, such as '30 % (3 of 10) cooling'."""
    if progress is None:
        return ""
    done, total, note = progress["done"], progress["total"], progress["note"]
    text = f"{min(done / total, 1):.0%} ({_number(done)} of {_number(total)})" if total else _number(done)
    return f"{text} {note}".rstrip()


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _printable(text: str) -> str:
    """Return a text that does nothing to a terminal but show."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def jids_at(indexes: Sequence[int], ranges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the jids at ascending places among those that the ranges name."""
    found: list[int] = []
    places = iter(indexes)
    place = next(places, None)
    before = 0
    for start, stop in ranges:
        while place is not None and place < before + stop - start:
            found.append(start + place - before)
            place = next(places, None)
        before += stop - start
    return found
