"""LMDB's file before anything is read through its map: is it there, and is it whole.

A page that the map has and the file has not is a SIGBUS, a page of zeros an assertion: both end the process that reads them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from picloud.exceptions import HomeError, StoreCorruptError

CORRUPT_HINT = "Restore a backup, or move the folder away to start empty."


def store_folder(home: Path) -> Path:
    """Return the folder of the store's own files."""
    return home / "store"


def meta_folder(home: Path) -> Path:
    """Return the folder of the LMDB environment."""
    return home / "store" / "meta"


def unusable(home: Path, error: OSError) -> HomeError:
    """Return the error for a home that the system refuses."""
    return HomeError(
        f"{home} cannot be used: {error.strerror or error}", hint="Set PICLOUD_HOME to a folder that you can write to."
    )


def prepare(home: Path) -> None:
    """Create the folders of the store, readable by their owner alone.

    Raises:
        HomeError: if they cannot be created or written.
    """
    try:
        for folder in (store_folder(home), meta_folder(home)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
    except OSError as error:
        raise unusable(home, error) from error
    if not os.access(meta_folder(home), os.W_OK | os.X_OK):
        raise HomeError(f"{meta_folder(home)} cannot be written", hint="Set PICLOUD_HOME to a folder that can.")


def check_present(home: Path, *, readonly: bool) -> None:
    """Refuse a store whose file is missing or empty although it is to be read, or other files show that there was one.

    Raises:
        HomeError: if there is no store and none may be made.
        StoreCorruptError: if the file is empty and there are segments of its jobs.
    """
    data = meta_folder(home) / "data.mdb"
    try:
        size = data.stat().st_size
    except FileNotFoundError:
        size = -1
    except OSError as error:
        raise unusable(home, error) from error
    if size > 0:
        return
    if readonly:
        raise HomeError(f"There is no store in {home}", hint="Set PICLOUD_HOME to the folder of a node that has run.")
    if size == 0 and _has_files(home / "segments"):
        raise StoreCorruptError(f"{data} is empty, but there are segments of its jobs", hint=CORRUPT_HINT)


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.iterdir())


def length(home: Path) -> int:
    """Return the bytes of the store's file; 0 if there is none."""
    try:
        return (meta_folder(home) / "data.mdb").stat().st_size
    except OSError:
        return 0


def shortfall(home: Path, needed: int) -> int:
    """Return how many of `needed` bytes the file lacks."""
    return max(0, needed - (meta_folder(home) / "data.mdb").stat().st_size)


def complete(home: Path, needed: int) -> None:
    """Extend a short file to `needed` bytes, if a child process can then read every record; nobody may have it open.

    LMDB may leave the last pages of its file unwritten when they are free, so not every short file is a damaged one.

    Raises:
        StoreCorruptError: if some cannot be read: the file is truncated, and is left as it was.
    """
    data = meta_folder(home) / "data.mdb"
    size = data.stat().st_size
    try:
        os.truncate(data, needed)
        command = [sys.executable, "-m", "picloud.store.integrity", str(home)]
        readable = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        readable = False
    if not readable:
        os.truncate(data, size)
        raise StoreCorruptError(f"{data} is truncated: {size:,} bytes instead of {needed:,}", hint=CORRUPT_HINT)
