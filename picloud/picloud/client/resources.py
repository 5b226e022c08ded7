"""The data files of the project's packages, which travel beside the modules: as they are now, up to a bound.

They are kept as long as neither they nor their folders have changed.  What is above the bound stays behind: a job that asks for
it finds it on the disk, or is told so.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

from picloud.client.project import Stamp, stamp
from picloud.model.bundle import MAX_DATA

MAX_FILES = 1000
"""Files that travel."""

MAX_ENTRIES = 5000
"""Entries of folders that are looked at."""

_NO_DATA = (".py", ".pyw", ".pyc", ".pyo", ".so", ".pyd", ".log")
_OTHERS = frozenset({"__pycache__", "node_modules", "site-packages"})


class PackageData(NamedTuple):
    """What was found."""

    files: dict[str, bytes]
    """Content by path."""
    left: dict[str, int]
    """Sizes of the files that stay behind, as far as they were looked at."""
    seen: list[tuple[str, Stamp]]
    """The state of every file and folder that was looked at: while they are the same, so is the data."""


NO_DATA = PackageData({}, {}, [])


class Resources:
    """The data of this process's packages."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._read: dict[str, tuple[Stamp, bytes]] = {}
        self._last: tuple[list[str], PackageData] = ([], NO_DATA)

    def look(self, folders: Iterable[str]) -> PackageData:
        """Return the data in packages' folders and below; the smallest files go first, up to the bounds."""
        outer = _outermost(folders)
        if outer != self._last[0] or any(stamp(path) != seen for path, seen in self._last[1].seen):
            self._last = (outer, self._find(outer))
        return self._last[1]

    def _find(self, folders: list[str]) -> PackageData:
        found, folder_stamps = _walk(folders)
        files: dict[str, bytes] = {}
        left: dict[str, int] = {}
        kept: dict[str, tuple[Stamp, bytes]] = {}
        size = 0
        for path, seen in sorted(found.items(), key=lambda item: (item[1].size, item[0])):
            size += seen.size
            if size > MAX_DATA or len(files) >= MAX_FILES:
                if len(left) < MAX_FILES:
                    left[path] = seen.size
                continue
            known = self._read.get(path)
            content = known[1] if known is not None and known[0] == seen else _content(path)
            if content is not None:
                kept[path] = (seen, content)
                files[path] = content
        self._read = kept
        looked_at = [(path, found[path]) for path in (*files, *left)]
        return PackageData(files, left, folder_stamps + looked_at)


def _outermost(folders: Iterable[str]) -> list[str]:
    """Return the folders that are in no other one."""
    outer: list[str] = []
    for folder in sorted(set(folders)):
        if not any(folder.startswith(above + os.sep) for above in outer):
            outer.append(folder)
    return outer


def _walk(folders: list[str]) -> tuple[dict[str, Stamp], list[tuple[str, Stamp]]]:
    """Return the data files in folders and below, and the state of each folder."""
    found: dict[str, Stamp] = {}
    seen: list[tuple[str, Stamp]] = []
    left = MAX_ENTRIES
    waiting = folders[::-1]
    while waiting and left > 0:
        folder = waiting.pop()
        state = stamp(folder)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        if state is None or any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        seen.append((folder, state))
        below: list[str] = []
        for entry in entries[:left]:
            if entry.name.startswith(".") or entry.name in _OTHERS or entry.name.endswith(_NO_DATA):
                continue
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            else:
                _note(entry, found)
        left -= len(entries)
        waiting += below[::-1]
    return found, seen


def _note(entry: os.DirEntry[str], found: dict[str, Stamp]) -> None:
    try:
        facts = entry.stat()
    except OSError:
        return
    if stat.S_ISREG(facts.st_mode):
        found[entry.path] = Stamp(facts.st_mtime_ns, facts.st_size, facts.st_ino)


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
