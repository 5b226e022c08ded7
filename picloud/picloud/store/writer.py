"""The one writer: batches become transactions, in the order in which they came.

Under `process` the node's loop commits inline.  Under `power` a thread of its own commits where the disk is slow: what arrived
while it waited joins one transaction and shares one sync.

Small batches are kept by the journal first, and reach LMDB many at a time: with a larger batch, with `settle`, or before the next
read.  A writer begins by bringing LMDB up to date with what a dead one had left in the journal.

A commit that fails ends the writer for good: the kernel may have marked pages clean that never reached the disk, so
nothing is tried again.  The node stops and rebuilds from the store.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

import lmdb

from picloud import faults
from picloud.exceptions import StoreCorruptError, StoreError, StoreFullError
from picloud.model.settings import Durability
from picloud.store import records
from picloud.store.batch import JOURNAL, Batch
from picloud.store.datafile import CORRUPT_HINT
from picloud.store.edits import Editor
from picloud.store.environment import Environment, translated
from picloud.store.journal import LARGEST, open_journal, path_of
from picloud.store.keys import Table
from picloud.store.packing import pack, unpack
from picloud.store.tables import Tables

Done = Callable[[BaseException | None], None]
"""Called when a batch is durable, or with the reason why it is not."""

_TABLES = tuple(Table)
GROUP = 1024
"""Most batches that share one transaction."""


class Writer:
    """Commits batches to one environment."""

    __slots__ = ("_behind", "_environment", "_journal", "_lock", "_queue", "_synced", "_thread", "failure", "seconds")

    def __init__(self, environment: Environment) -> None:
        """Write to an environment, and bring it up to date; the thread starts with the first `submit`.

        Raises:
            StoreCorruptError: if the journal is damaged.
            StoreError: if it cannot be opened, or LMDB cannot be brought up to date.
        """
        self._environment = environment
        self._synced = environment.durability is Durability.POWER
        self._queue: SimpleQueue[tuple[Batch, Done] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.seconds = 0.0
        """How long a commit took of late, in seconds: a mean that forgets."""
        self.failure: BaseException | None = None
        """Why nothing can be written any more; None while all is well."""
        self._lock = threading.RLock()
        self._journal = open_journal(environment.home, environment.store_id, synced=self._synced)
        self._behind: list[Batch] = []
        try:
            self._catch_up()
        except BaseException:
            self._journal.close()
            raise
        environment.before_reading = self.settle

    def _catch_up(self) -> None:
        """Bring LMDB up to date with the journal, and go on with the journal's numbers."""
        noted = Tables(self._environment).number(JOURNAL)
        self._journal.begin_anew(noted)
        entries = self._journal.entries(noted)
        if entries:
            try:
                self._behind = [unpack(entry.content) for entry in entries]
            except ValueError as error:
                raise StoreCorruptError(f"An entry of store/journal is damaged: {error}", hint=CORRUPT_HINT) from error
            self._journal.begin_anew(entries[-1].number)
            self.settle()
        try:
            self._journal.erase()
        except OSError as error:
            raise StoreFullError(
                f"store/journal cannot be written: {error}", hint="Free disk space: `picloud gc --help`."
            ) from error

    @property
    def behind(self) -> int:
        """How many commits LMDB is behind the journal."""
        return len(self._behind)

    def settle(self) -> None:
        """Bring LMDB up to date; nothing happens after a failure.

        Raises:
            StoreFullError: if disk or map are full.
            StoreError: for any other failure.
        """
        if self._behind and self.failure is None:
            self._commit_all(())

    def commit(self, batch: Batch) -> None:
        """Commit a batch before returning, behind all that was submitted.

        Raises:
            StoreFullError: if disk or map are full.
            StoreError: for any other failure, or if the writer has failed before.
        """
        if self._thread is None:
            self._commit((batch,))
            return
        finished = threading.Event()
        outcome: list[BaseException | None] = []

        def done(error: BaseException | None) -> None:
            outcome.append(error)
            finished.set()

        self.submit(batch, done)
        finished.wait()
        if outcome[0] is not None:
            raise outcome[0]

    def submit(self, batch: Batch, done: Done) -> None:
        """Hand a batch to the writer's thread, which calls `done` when it is kept, in the order of submission."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="store writer", daemon=True)
            self._thread.start()
        self._queue.put((batch, done))

    def close(self) -> None:
        """Commit what was submitted, bring LMDB up to date and end the thread; for good."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        if self._environment.before_reading is None:
            return
        self._environment.before_reading = None
        with contextlib.suppress(StoreError):
            # What cannot be written now is in the journal, and the next writer tries again.
            self.settle()
        self._journal.close()

    def _run(self) -> None:
        """Serve the queue until `close`: what has come while the last group was committed is the next one."""
        queue = self._queue
        while (entry := queue.get()) is not None:
            group = [entry]
            last = False
            while len(group) < GROUP and not last:
                try:
                    following = queue.get_nowait()
                except Empty:
                    break
                if following is None:
                    last = True
                else:
                    group.append(following)
            self._serve(group)
            if last:
                return

    def _serve(self, group: Sequence[tuple[Batch, Done]]) -> None:
        """Commit a group and tell everybody; a callback that raises does not harm the others."""
        failure: BaseException | None = None
        try:
            self._commit([batch for batch, _ in group])
        except BaseException as error:
            failure = error
        for _, done in group:
            with contextlib.suppress(Exception):
                done(failure)

    def _commit(self, batches: Sequence[Batch]) -> None:
        """Commit batches together, and note how long it took."""
        began = time.monotonic()
        self._commit_all(batches)
        self.seconds += (time.monotonic() - began - self.seconds) / 8

    def _commit_all(self, batches: Sequence[Batch]) -> None:
        with self._lock:
            if self.failure is not None:
                raise StoreError(
                    f"The store cannot be written since an earlier commit failed: {self.failure}",
                    hint="The node stops and starts again from what is stored.",
                ) from self.failure
            try:
                faults.come_by("commit.begins")
                if self._synced:
                    _sync([item for batch in batches for item in batch.sync_first])
                if not self._append(batches):
                    self._transact(batches)
                faults.come_by("commit.done")
            except lmdb.Error as error:
                self.failure = translated(error, self._environment.home)
                raise self.failure from error
            except OSError as error:
                self.failure = StoreFullError(
                    f"Could not be written to disk: {error}", hint="Free disk space: `picloud gc --help`."
                )
                raise self.failure from error
            except BaseException as error:
                self.failure = error
                raise

    def _append(self, batches: Sequence[Batch]) -> bool:
        """Keep batches by the journal if they are small and it has room; return whether it did."""
        if not batches or any(batch.settles or batch.edits for batch in batches):
            return False
        merged = _merged(batches)
        content = pack(merged, LARGEST)
        if content is None or not self._journal.fits(len(content)):
            return False
        self._journal.append(content)
        faults.come_by("journal.appended")
        self._behind.append(merged)
        return True

    def _transact(self, batches: Sequence[Batch]) -> None:
        """Bring LMDB up to date with the journal and with batches that are not in it; then the journal begins anew."""
        with self._environment.begin_write() as txn:
            self._write(txn, [*self._behind, *batches])
            if self._behind:
                mark = records.frame(Table.COUNTERS, JOURNAL, records.encode_number(self._journal.number))
                txn.put(JOURNAL, mark, db=self._environment.databases[Table.COUNTERS])
        faults.come_by("store.transacted")
        self._behind.clear()
        self._journal.begin_anew(self._journal.number)

    def _write(self, txn: lmdb.Transaction[memoryview], batches: Sequence[Batch]) -> None:
        """Put everything, one `putmulti` a table for as many batches as have no edits between them."""
        pending: list[Batch] = []
        closed: list[int] = []
        for batch in batches:
            pending.append(batch)
            closed += batch.closed
            if batch.edits:
                self._flush(txn, _merged(pending))
                pending.clear()
                Editor(self._environment, txn).edit(batch)
        if pending:
            self._flush(txn, _merged(pending))
        if closed and txn.stat(self._environment.databases[Table.ATTEMPTS])["entries"]:
            Editor(self._environment, txn).close_arrays(closed)

    def _flush(self, txn: lmdb.Transaction[memoryview], batch: Batch) -> None:
        databases = self._environment.databases
        for table in _TABLES:
            rows = batch.puts[table]
            if not rows:
                pass
            elif len(rows) == 1:
                for key, value in rows.items():
                    txn.put(key, value, db=databases[table])
            else:
                with txn.cursor(databases[table]) as cursor:
                    cursor.putmulti(rows.items())
            removals = batch.removals[table]
            if removals:
                database = databases[table]
                for key in removals:
                    txn.delete(key, db=database)


def bring_up_to_date(home: Path, durability: Durability) -> None:
    """Bring LMDB up to date with what a dead node left in its journal; a home without any such thing is not written to.

    Raises:
        StoreError: if that cannot be done, as of `Environment.open` and `Writer`.
    """
    if not path_of(home).exists():
        return
    with Environment.open(home, durability, readonly=True) as environment:
        noted = Tables(environment).number(JOURNAL)
        journal = open_journal(home, environment.store_id, synced=False)
        try:
            behind = journal.entries(noted)
        finally:
            journal.close()
    if behind:
        with Environment.open(home, durability) as environment:
            Writer(environment).close()


def _merged(batches: Sequence[Batch]) -> Batch:
    """Return one batch with the puts and removals of all, the later ones over the earlier."""
    if len(batches) == 1:
        return batches[0]
    merged = Batch()
    for batch in batches:
        _merge(merged, batch)
        merged.closed += batch.closed
    return merged


def _merge(target: Batch, batch: Batch) -> None:
    """Let the puts and removals of a batch follow those of another."""
    for table in _TABLES:
        rows, removals = batch.puts[table], batch.removals[table]
        if not rows and not removals:
            continue
        target_rows = target.puts[table]
        if target_rows is None:
            target_rows = target.puts[table] = {}
        target_removals = target.removals[table]
        if target_removals is None:
            target_removals = target.removals[table] = set()
        if removals:
            for key in removals:
                target_rows.pop(key, None)
            target_removals |= removals
        if rows:
            target_rows.update(rows)
            target_removals.difference_update(rows)


def _sync(items: Sequence[int | Path]) -> None:
    """Bring files to disk, each once, and the folders that name them."""
    folders: dict[Path, None] = {}
    for item in dict.fromkeys(items):
        if isinstance(item, int):
            os.fdatasync(item)
        else:
            folders[item.parent] = None
            _sync_path(item)
    for folder in folders:
        _sync_path(folder)


def _sync_path(path: Path) -> None:
    """Sync one file or folder; one that somebody removed has nothing left to lose."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
