"""A copy of the store that is a home by itself: LMDB's compact copy, and hard links (else copies) of the files it names.

It may run in a thread beside the node.  Files that jobs delete meanwhile are safe: every file is linked before LMDB is
copied, and what the copy names but came later is linked after it.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from picloud import faults
from picloud.exceptions import HomeError, StoreError
from picloud.model.settings import Durability
from picloud.store import segments, starts
from picloud.store.datafile import meta_folder
from picloud.store.environment import Environment
from picloud.store.keys import FileKind
from picloud.store.tables import Tables

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written."""

    directory: Path
    """Where; usable as PICLOUD_HOME."""
    files: int
    """Segments and spools."""
    size: int
    """Bytes of the LMDB copy and of the files; linked ones take no room of their own."""


def backup(environment: Environment, directory: Path) -> Backup:
    """Write a backup into a folder that does not exist or is empty.

    It is written beside the folder first and renamed when it is whole and on disk.

    Raises:
        HomeError: if the folder is not empty or cannot be written.
        StoreError: if files that jobs name vanish while it is made.
    """
    directory = directory.absolute()
    partial = directory.with_name(directory.name + ".partial")
    try:
        if directory.exists() and any(directory.iterdir()):
            raise HomeError(f"{directory} is not empty", hint="Name a folder that does not exist.")
        shutil.rmtree(partial, ignore_errors=True)
        for folder in (meta_folder(partial), segments.incoming(partial), segments.folder(partial, FileKind.SPOOL)):
            folder.mkdir(mode=0o700, parents=True)
        partial.chmod(0o700)
        made = _write(environment, partial)
        _sync_tree(partial)
        if directory.exists():
            directory.rmdir()
        partial.rename(directory)
        faults.come_by("backup.renamed")
        _sync(directory.parent)
    except OSError as error:
        raise HomeError(f"{directory} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if not environment.readonly:
        starts.backed_up(environment.home, directory)
    return Backup(directory, *made)


def _write(environment: Environment, partial: Path) -> tuple[int, int]:
    """Fill the folder; return the number of files and the bytes of everything."""
    data = meta_folder(partial) / "data.mdb"
    present: set[tuple[FileKind, str]] = set()
    for _ in range(_TRIES):
        for kind in FileKind:
            for entry in segments.files(segments.folder(environment.home, kind)):
                if (kind, entry.name) not in present and _copy(environment.home, partial, kind, entry.name):
                    present.add((kind, entry.name))
        data.unlink(missing_ok=True)
        environment.copy(meta_folder(partial))
        faults.come_by("backup.copied")
        data.chmod(0o600)
        with Environment.open(partial, Durability.PROCESS, readonly=True) as copy:
            named = set(Tables(copy).named_files())
        (meta_folder(partial) / "lock.mdb").unlink(missing_ok=True)
        missing = [file for file in named - present if not _copy(environment.home, partial, *file)]
        present |= named - set(missing)
        if not missing:
            break
    else:
        raise StoreError(
            f"{len(missing)} files that jobs name are missing, such as {missing[0][1]}",
            hint="Run `picloud node check`.",
        )
    for kind, name in present - named:
        segments.path(partial, kind, name).unlink()
    size = sum(segments.size(partial, kind, name) for kind, name in named)
    return len(named), size + data.stat().st_size


def _copy(home: Path, target: Path, kind: FileKind, name: str) -> bool:
    """Link or copy one file; return whether it is there."""
    try:
        source, destination = segments.path(home, kind, name), segments.path(target, kind, name)
    except ValueError:
        return False
    try:
        os.link(source, destination)
    except FileNotFoundError:
        return False
    except OSError:
        try:
            shutil.copy2(source, destination)
        except FileNotFoundError:
            return False
    return True


def _sync_tree(top: Path) -> None:
    """Bring everything below a folder to disk."""
    for folder, _, names in os.walk(top):
        for name in names:
            _sync(Path(folder) / name)
        _sync(Path(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
