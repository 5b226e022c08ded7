"""Walk the store: every record's checksum and shape, and whether the records fit each other.

It reads only.  A store that may be damaged below the records (LMDB's own pages) is walked in a child process
(`check_in_child`), since LMDB may then end the process that reads it.  As a program: `python -m picloud.store.integrity HOME`
prints the report as JSON and ends with status 1 if not every record could be read.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from picloud.exceptions import CloudException, StoreCorruptError, StoreError, from_wire
from picloud.model import arguments, outcome
from picloud.model.array import JobArray
from picloud.model.context import content_hash
from picloud.model.job import is_finished
from picloud.model.settings import Durability
from picloud.store import codec, keys, ranges, records, segments
from picloud.store.batch import JOURNAL
from picloud.store.environment import Environment
from picloud.store.journal import open_journal, path_of
from picloud.store.keys import Table
from picloud.store.packing import unpack
from picloud.store.tables import Tables

MOST_PROBLEMS = 100
"""Problems that a report names; the others are counted."""

_ITEM_TABLES = frozenset({Table.ARGUMENTS, Table.ENDS, Table.ATTEMPTS})
_ARRAY_TABLES = frozenset({Table.OPEN, Table.FINISHED, Table.TOMBSTONES}) | _ITEM_TABLES


@dataclass(slots=True)
class Report:
    """What a walk found."""

    arrays: int = 0
    """Job arrays."""
    items: int = 0
    """Their items."""
    records: int = 0
    """Records of all tables."""
    size: int = 0
    """Bytes of their keys and values."""
    damaged: int = 0
    """Records that cannot be read."""
    problems: list[str] = field(default_factory=list)
    """One sentence each, at most `MOST_PROBLEMS`."""
    more_problems: int = 0
    """Problems beyond those."""

    @property
    def ok(self) -> bool:
        """Return whether there is no problem."""
        return not self.problems

    def add(self, problem: str) -> None:
        """Note a problem."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more_problems += 1

    def require(self) -> None:
        """Do nothing if there is no problem.

        Raises:
            StoreCorruptError: naming the first problems and the number of all.
        """
        if self.problems:
            number = len(self.problems) + self.more_problems
            raise StoreCorruptError(
                f"The store has {number} problem{'s' if number > 1 else ''}: {'; '.join(self.problems[:3])}",
                hint="Restore a backup, or delete the jobs that are named.",
            )


def check(environment: Environment) -> Report:
    """Walk every record of the store, as of one moment."""
    return _Walk(environment).run()


class _Walk:
    """One walk."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._tables = Tables(environment)
        self._report = Report()

    def run(self) -> Report:
        """Walk records first, then how they fit: a damaged record is told once."""
        with self._tables.held():
            for table in Table:
                self._walk(table)
            if not self._report.damaged:
                self._fit()
        return self._report

    def _walk(self, table: Table) -> None:
        report = self._report
        known = (0, False)
        with self._tables.held() as txn, txn.cursor(self._environment.databases[table]) as cursor:
            for key, value in cursor:
                report.records += 1
                report.size += len(key) + len(value)
                try:
                    self._decode(table, bytes(key), records.unframe(table, key, value))
                except StoreError as error:
                    report.damaged += 1
                    report.add(str(error.parameter))
                    continue
                except (ValueError, IndexError) as error:
                    report.damaged += 1
                    report.add(f"The record {keys.describe(table, key)} is damaged: {error}")
                    continue
                if table in _ARRAY_TABLES:
                    first = keys.jid_of(key)
                    if known[0] != first:
                        known = (first, self._has_array(first))
                    if not known[1]:
                        report.add(f"The record {keys.describe(table, key)} belongs to no array")

    def _has_array(self, first: int) -> bool:
        with self._tables.held() as txn:
            return txn.get(keys.jid(first), db=self._environment.databases[Table.ARRAYS]) is not None

    def _decode(self, table: Table, key: bytes, payload: memoryview) -> None:
        """Look whether a record has the shape of its table.

        Raises:
            ValueError: if not.
        """
        decoder = _DECODERS.get(table)
        if decoder is not None:
            decoder(key, payload)

    def _fit(self) -> None:
        """Look whether the records fit each other."""
        behind = 0
        for array in self._tables.arrays():
            self._report.arrays += 1
            self._report.items += array.count
            if array.first < behind:
                self._report.add(f"Array {array.first} begins within the one before it")
            behind = array.first + array.count
            for problem in self._array_problems(array):
                self._report.add(f"Array {array.first}: {problem}")
        for kind, name in self._tables.named_files():
            if not segments.path(self._environment.home, kind, name).exists():
                self._report.add(f"The file {segments.FOLDERS[kind]}/{name} is missing")

    def _array_problems(self, array: JobArray) -> Iterator[str]:
        tables, first = self._tables, array.first
        deleted = tables.deleted(first)
        given, overlap = self._covered(Table.ARGUMENTS, array)
        if overlap:
            yield overlap
        elif any(not _all_in(deleted, gap) for gap in ranges.gaps(given, 0, array.count)):
            yield "arguments of some items are missing"
        ended, overlap = self._covered(Table.ENDS, array)
        if overlap:
            yield overlap
        summary = tables.finished(first)
        if tables.is_open(first) == (summary is not None):
            yield "it is both finished and unfinished" if summary else "it is neither finished nor unfinished"
        if summary is not None:
            if any(not _all_in(deleted, gap) for gap in ranges.gaps(ended, 0, array.count)):
                yield "it is finished, but some items have not ended"
            elif not deleted and not overlap:
                codes = tables.statuses(first, array.count)
                if records.Summary.of(codes, summary.finished) != summary:
                    yield "its summary does not fit its ends"
        if tables.first_of_submission(array.client, array.sequence) != first:
            yield "its submission is not known"
        for role, hash_ in (("function", array.function), ("context", array.context)):
            if hash_ and not tables.has_blob(hash_):
                yield f"its {role} {hash_} is missing"

    def _covered(self, table: Table, array: JobArray) -> tuple[list[ranges.Range], str]:
        """Return the items that an array's records of one table hold, and the problem if there is one."""
        covered: list[ranges.Range] = []
        behind = 0
        for at, payload in self._tables.views(table, array.first):
            count = arguments.count_of(payload) if table is Table.ARGUMENTS else outcome.decode(payload).count
            if at < behind:
                return covered, f"two records of {table.name.lower()} hold item {at}"
            behind = at + count
            if behind > array.count:
                return covered, f"its {table.name.lower()} go beyond its {array.count} items"
            covered = ranges.added(covered, at, behind)
        return covered, ""


def _all_in(deleted: list[ranges.Range], gap: ranges.Range) -> bool:
    return ranges.covers(deleted, *gap)


def _check_ends(_key: bytes, payload: memoryview) -> None:
    ends = outcome.decode(payload)
    if not all(is_finished(code) for code in set(ends.statuses())):
        raise ValueError("it has items that have not ended")
    last = ends.row(ends.count - 1)
    if last.offset - ends.heap_base + last.meta_length + last.result_length > len(ends.heap):
        raise ValueError("its results are cut short")


def _check_blob(key: bytes, payload: memoryview) -> None:
    blob = records.decode_blob(payload)
    if blob.content is not None and content_hash(blob.content) != key.decode():
        raise ValueError("its content has another hash")


def _length(size: int) -> Callable[[bytes, memoryview], None]:
    def check_length(_key: bytes, payload: memoryview) -> None:
        if len(payload) != size:
            raise ValueError(f"it has {len(payload)} bytes instead of {size}")

    return check_length


_DECODERS: dict[Table, Callable[[bytes, memoryview], object]] = {
    Table.FORMAT: lambda _key, payload: codec.decode_format(payload),
    Table.ARRAYS: lambda key, payload: codec.decode_array(keys.jid_of(key), payload),
    Table.OPEN: _length(0),
    Table.FINISHED: lambda _key, payload: records.decode_summary(payload),
    Table.TOMBSTONES: lambda _key, payload: records.decode_ranges(payload),
    Table.ARGUMENTS: lambda _key, payload: arguments.check(payload),
    Table.ENDS: _check_ends,
    Table.ATTEMPTS: lambda key, payload: records.decode_attempt(keys.item_of(key)[1], payload),
    Table.SUBMISSIONS: _length(8),
    Table.BLOBS: _check_blob,
    Table.FILES: _length(0),
    Table.COUNTERS: lambda _key, payload: records.decode_number(payload),
}
"""What each table's records must be; notes are any bytes."""


def check_in_child(home: Path, timeout: float | None = None) -> Report:
    """Walk a home's store in a child process; nobody may have it open.

    Raises:
        StoreCorruptError: if LMDB ended the child: the store is damaged below its records.
        StoreError: if the store cannot be opened, as `Environment.open` says.
    """
    command = [sys.executable, "-m", "picloud.store.integrity", str(home)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    try:
        answer = json.loads(result.stdout)
    except ValueError:
        how = signal.Signals(-result.returncode).name if result.returncode < 0 else f"exit {result.returncode}"
        raise StoreCorruptError(
            f"The store in {home} cannot be read: the process that walked it ended by {how}",
            hint="Restore a backup, or move the folder away to start empty.",
        ) from None
    if "code" in answer:
        raise from_wire(answer)
    return Report(**answer)


def _check_journal(environment: Environment, report: Report) -> None:
    """Look whether what the journal holds can be read; nobody may have it open for writing."""
    if not path_of(environment.home).exists():
        return
    try:
        journal = open_journal(environment.home, environment.store_id, synced=False)
        try:
            for entry in journal.entries(Tables(environment).number(JOURNAL)):
                report.records += 1
                report.size += len(entry.content)
                unpack(entry.content)
        finally:
            journal.close()
    except StoreError as error:
        report.damaged += 1
        report.add(str(error.parameter))
    except ValueError as error:
        report.damaged += 1
        report.add(f"store/journal is damaged: {error}")


def main(arguments_: list[str]) -> int:
    """Walk the store of the home that is named, print the report or the error as JSON, return the exit status."""
    try:
        with Environment.open(arguments_[0], Durability.PROCESS, readonly=True) as environment:
            report = check(environment)
            _check_journal(environment, report)
    except CloudException as error:
        sys.stdout.write(json.dumps(error.to_wire()))
        return 1
    sys.stdout.write(json.dumps(asdict(report)))
    return 1 if report.damaged else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
