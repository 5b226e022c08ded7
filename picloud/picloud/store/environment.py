"""Open the store: folders, file format, map, databases; every way in which that can fail has an error of its own.

LMDB is opened without `writemap` (a full disk would be a SIGBUS), with a sparse map as large as the system grants, never
grown later, and with all databases opened up front.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import lmdb

from picloud.exceptions import (
    HomeError,
    StoreCorruptError,
    StoreError,
    StoreForeignError,
    StoreFullError,
    StoreNewerError,
)
from picloud.model.settings import Durability
from picloud.store import codec, datafile, records
from picloud.store.datafile import CORRUPT_HINT, meta_folder
from picloud.store.keys import Table

LARGEST_MAP = 1 << 40
"""Bytes of address space that are asked for first."""

SMALLEST_MAP = 1 << 28
"""Below this the system's limit on address space is an error."""

MAX_READERS = 64
_FORMAT_KEY = b"format"


class Environment:
    """The open store of one home; made by `Environment.open`."""

    __slots__ = ("_lmdb", "before_reading", "databases", "durability", "home", "readonly", "store_id")

    def __init__(self, home: Path, opened: lmdb.Environment, durability: Durability, readonly: bool) -> None:
        """Take an open environment; `open` is what callers want."""
        self.home = home
        """Folder of the node."""
        self.durability = durability
        """What a commit survives."""
        self.readonly = readonly
        """Whether nothing may be written."""
        self.store_id = ""
        """The store's own id, hex."""
        self._lmdb = opened
        self.before_reading: Callable[[], None] | None = None
        """What brings LMDB up to date, so that a read sees every commit; set by the writer."""
        self.databases: list[lmdb._Database] = []
        """The named databases by `Table`."""

    @staticmethod
    def open(home: str | os.PathLike[str], durability: Durability, *, readonly: bool = False) -> Environment:
        """Open the store of a home, creating it where there is none (not if `readonly`).

        Raises:
            HomeError: if the folder cannot be used.
            StoreForeignError: if LMDB cannot read it, or it is not picloud's.
            StoreNewerError: if a newer picloud wrote it.
            StoreCorruptError: if it is truncated or damaged.
            StoreFullError: if there is no room to create it.
        """
        path = Path(home).absolute()
        if not readonly:
            datafile.prepare(path)
        datafile.check_present(path, readonly=readonly)
        environment = Environment(path, _open_whole(path, durability, readonly), durability, readonly)
        try:
            environment._open_databases()
        except lmdb.Error as error:
            environment.close()
            raise translated(error, path) from error
        except BaseException:
            environment.close()
            raise
        return environment

    def _open_databases(self) -> None:
        """Open what is there once its format is known to be ours; make it where nothing is."""
        with self.begin() as txn:
            names = {bytes(name).decode(errors="replace") for name, _ in txn.cursor()}
        if names:
            self.store_id = self._check_format(names)
        if self.readonly:
            missing = [table.name.lower() for table in Table if table.name.lower() not in names]
            if missing:
                raise StoreCorruptError(f"{meta_folder(self.home)} lacks {', '.join(missing)}", hint=CORRUPT_HINT)
            self.databases = [self._open_database(table) for table in Table]
            return
        with self.begin_write() as txn:
            self.databases = [self._lmdb.open_db(table.name.lower().encode(), txn=txn) for table in Table]
            if not names:
                self.store_id = uuid.uuid4().hex
                fresh = codec.Format(records.MAGIC, records.SCHEMA, self.store_id, time.time())
                value = records.frame(Table.FORMAT, _FORMAT_KEY, codec.encode_format(fresh))
                txn.put(_FORMAT_KEY, value, db=self.databases[Table.FORMAT])

    def _open_database(self, table: Table) -> lmdb._Database:
        return self._lmdb.open_db(table.name.lower().encode(), create=False)

    def _check_format(self, names: set[str]) -> str:
        """Return the store's id, if it is a store that this picloud can read."""
        folder = meta_folder(self.home)
        value = None
        if Table.FORMAT.name.lower() in names:
            database = self._open_database(Table.FORMAT)
            with self._lmdb.begin() as txn:
                value = txn.get(_FORMAT_KEY, db=database)
        if value is None:
            raise StoreForeignError(
                f"{folder} holds an LMDB environment that picloud did not write",
                hint="Set PICLOUD_HOME to another folder.",
            )
        try:
            found = codec.decode_format(records.unframe(Table.FORMAT, _FORMAT_KEY, value))
        except ValueError as error:
            raise records.corrupt(Table.FORMAT, _FORMAT_KEY, str(error)) from error
        if found.magic != records.MAGIC:
            raise StoreForeignError(f"{folder} is a store of {found.magic!r}, not of picloud")
        if found.version > records.SCHEMA:
            raise StoreNewerError(
                f"The store in {self.home} has version {found.version}; this picloud knows {records.SCHEMA}",
                hint="Install the picloud that wrote it, or a newer one; or set PICLOUD_HOME to another folder.",
            )
        return found.store

    def begin(self) -> lmdb.Transaction[memoryview]:
        """Return a transaction for reading; what it returns are views that end with it."""
        if self.before_reading is not None:
            self.before_reading()
        return self._lmdb.begin(buffers=True)

    def begin_write(self) -> lmdb.Transaction[memoryview]:
        """Return the transaction for writing; it belongs to the calling thread."""
        return self._lmdb.begin(write=True, buffers=True)

    def copy(self, folder: Path) -> None:
        """Write a compact copy of the environment, as of now, into an existing empty folder."""
        if self.before_reading is not None:
            self.before_reading()
        self._lmdb.copy(str(folder), compact=True)

    def reader_check(self) -> int:
        """Drop readers that died, so that their pages can be used again; return how many there were."""
        return self._lmdb.reader_check()

    def used(self) -> int:
        """Return the bytes that the store's file takes."""
        return (self._lmdb.info()["last_pgno"] + 1) * self._lmdb.stat()["psize"]

    def room(self) -> int:
        """Return how many bytes may still be written: free on the disk, or left of the map if that is less."""
        disk = os.statvfs(self.home)
        return min(disk.f_bavail * disk.f_frsize, self._lmdb.info()["map_size"] - self.used())

    def sync(self) -> None:
        """Force everything to disk, whatever the durability."""
        self._lmdb.sync(True)

    def close(self) -> None:
        """Close the environment; transactions must have ended."""
        self._lmdb.close()

    def __enter__(self) -> Self:
        """Return the environment itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class Reserve:
    """The disk space that is kept for results and ends: below it new work is refused."""

    __slots__ = ("_environment", "size")

    def __init__(self, environment: Environment, size: int) -> None:
        """Keep `size` bytes free."""
        self._environment = environment
        self.size = size
        """Bytes."""

    def check(self, wanted: int = 0) -> None:
        """Look whether `wanted` more bytes leave the reserve untouched.

        Raises:
            StoreFullError: if not, with the numbers.
        """
        room = self._environment.room()
        if room - wanted < self.size:
            raise StoreFullError(
                f"{self._environment.home} has {room:,} bytes left, of which {self.size:,} are kept for results",
                hint="Free disk space, or delete what is not needed any more: `picloud gc --help`.",
            )


def _open_whole(home: Path, durability: Durability, readonly: bool) -> lmdb.Environment:
    """Open LMDB's file once all its pages are in the file; nothing but its head has been read."""
    opened = _open_lmdb(home, durability, readonly)
    needed = (opened.info()["last_pgno"] + 1) * opened.stat()["psize"]
    if datafile.shortfall(home, needed):
        opened.close()
        datafile.complete(home, needed)
        opened = _open_lmdb(home, durability, readonly)
    return opened


def _open_lmdb(home: Path, durability: Durability, readonly: bool) -> lmdb.Environment:
    """Open with the largest map that the system grants."""
    size = LARGEST_MAP
    synced = durability is Durability.POWER
    while True:
        try:
            return lmdb.open(
                str(meta_folder(home)),
                map_size=size,
                max_dbs=len(Table) + 4,
                max_readers=MAX_READERS,
                max_spare_txns=0,
                mode=0o600,
                readonly=readonly,
                create=not readonly,
                sync=synced,
                metasync=synced,
                writemap=False,
            )
        except lmdb.Error as error:
            if isinstance(error, lmdb.MemoryError) and size > SMALLEST_MAP:
                size //= 2
                continue
            raise translated(error, home) from error


def translated(error: lmdb.Error, home: Path) -> StoreError | HomeError:
    """Return our error for one of LMDB's."""
    folder = meta_folder(home)
    if isinstance(error, (lmdb.MapFullError, lmdb.DiskError)):
        return StoreFullError(
            f"{folder} is full: {error}", hint="Free disk space, or delete old jobs: `picloud gc --help`."
        )
    if isinstance(error, lmdb.InvalidError):
        return StoreForeignError(
            f"{folder} is not an LMDB environment, or its first page is damaged: {error}", hint=CORRUPT_HINT
        )
    if isinstance(error, lmdb.VersionMismatchError):
        return StoreNewerError(f"{folder} was written by another version of LMDB: {error}")
    if isinstance(error, (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.IncompatibleError)):
        return StoreCorruptError(f"{folder} is damaged: {error}", hint=CORRUPT_HINT)
    if isinstance(error, (lmdb.ReadonlyError, lmdb.LockError)):
        return HomeError(f"{folder} cannot be written: {error}", hint="Set PICLOUD_HOME to a folder that can.")
    if isinstance(error, lmdb.MemoryError):
        return StoreError(
            f"The system grants no {SMALLEST_MAP:,} bytes of address space for {folder}", hint="Raise `ulimit -v`."
        )
    return StoreError(f"{folder}: {error}")
