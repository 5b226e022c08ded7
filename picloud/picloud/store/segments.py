"""The files that records name: segments (large payloads, immutable) and spools (output of jobs).

A producer writes `segments/incoming/<id>`; `accept` gives it its final name; the commit that names it follows.  Which records
name a file is in the table `files`: a file that nothing names is freed by the commit that made it so, or swept at a start.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from picloud import faults
from picloud.store.keys import FileKind, check_file_name

FOLDERS = {FileKind.SEGMENT: "segments", FileKind.SPOOL: "spool"}
"""Folder of each kind below the home."""


def folder(home: Path, kind: FileKind) -> Path:
    """Return the folder of one kind of files."""
    return home / FOLDERS[kind]


def incoming(home: Path) -> Path:
    """Return the folder of segments that no record names yet."""
    return home / "segments" / "incoming"


def path(home: Path, kind: FileKind, name: str) -> Path:
    """Return the path of a file.

    Raises:
        ValueError: for a name that could lead out of the folder.
    """
    return folder(home, kind) / check_file_name(name)


def accept(home: Path, segment: str) -> Path:
    """Give a segment that its producer has written its final name; return its path, for `Batch.sync_first`.

    One that was accepted before (its submission is sent again after a crash) is fine.

    Raises:
        ValueError: for a name that no segment can have.
        FileNotFoundError: if its producer never wrote it.
    """
    final = path(home, FileKind.SEGMENT, segment)
    try:
        os.rename(incoming(home) / segment, final)
        faults.come_by("segment.renamed")
    except FileNotFoundError:
        if not final.exists():
            raise
    return final


def unlink(home: Path, kind: FileKind, names: Iterable[str]) -> int:
    """Remove files that nothing names any more; return how many there were. Open descriptors and maps stay good."""
    removed = 0
    for name in names:
        try:
            path(home, kind, name).unlink()
        except FileNotFoundError:
            continue
        removed += 1
    return removed


def size(home: Path, kind: FileKind, name: str) -> int:
    """Return the bytes of a file, 0 if it is missing."""
    try:
        return path(home, kind, name).stat().st_size
    except FileNotFoundError:
        return 0


def files(where: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the plain files of a folder, which may be missing."""
    try:
        with os.scandir(where) as entries:
            yield from (entry for entry in entries if entry.is_file(follow_symlinks=False))
    except FileNotFoundError:
        return
