"""The project's own modules as they were when the job was submitted, whatever lies on the disk by now.

A worker serves one bundle for its life, so that the finder is installed once and edited code always meets a fresh worker.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.abc import InspectLoader, Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

import picloud.model.bundle as carried
from picloud.model.bundle import Bundle, Source, quote

if TYPE_CHECKING:
    from picloud.worker.resources import Carried, Reader

_NEEDED = frozenset({"builtins", "cloudpickle", "importlib", "multiprocess", "os", "picloud", "sys"})
_SETTLED = 2_000_000_000
"""Nanoseconds between the last edit of a source and the writing of its byte code for this one to be trusted.

Python knows a source by its size and the whole second of its last edit: byte code that was written in that second may be that of
an earlier edit.
"""


class DataLoader(Loader):
    """Reads the data of a package out of a bundle; by itself, it loads a folder that holds data alone."""

    def __init__(self, folder: str, carried: Callable[[], Carried]) -> None:
        """Read in a folder; the files that came along are asked for when they are needed."""
        self._folder = folder
        self._carried = carried

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to Python."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: there is no code."""

    def get_data(self, path: str) -> bytes:
        """Return a file's content, for `pkgutil.get_data`.

        Raises:
            OSError: if it neither came along nor is on the disk.
        """
        return self._carried().read(path)

    def get_resource_reader(self, fullname: str) -> Reader:
        """Return what reads the package's data, for `importlib.resources`."""
        from picloud.worker.resources import Entry, Reader

        return Reader(Entry(self._carried(), self._folder))


class BundleLoader(DataLoader, InspectLoader):
    """Loads one module out of a bundle."""

    def __init__(self, name: str, source: Source, carried: Callable[[], Carried]) -> None:
        """Keep its source."""
        super().__init__(os.path.dirname(source.file), carried)
        self._name = name
        self._source = source

    def get_source(self, fullname: str) -> str:
        """Return the text, for tracebacks and `inspect`."""
        return self._source.text

    def is_package(self, fullname: str) -> bool:
        """Return whether it is a package."""
        return self._source.is_package

    def get_code(self, fullname: str) -> CodeType:
        """Return the compiled text; where the disk still has the same text, from Python's own cache."""
        return self._cached() or self.source_to_code(self._source.text, self._source.file)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        quote(self._source.file, self._source.text)
        exec(self.get_code(self._name), module.__dict__)  # noqa: S102 - this is what importing is

    def _cached(self) -> CodeType | None:
        file = self._source.file
        try:
            before = os.stat(file)
            if self._written(file) - before.st_mtime_ns < _SETTLED:
                return None
            with open(file, "rb") as opened:
                if importlib.util.decode_source(opened.read()) != self._source.text:
                    return None
            code = SourceFileLoader(self._name, file).get_code(self._name)
            after = os.stat(file)
        except (OSError, ImportError, SyntaxError, ValueError, NotImplementedError):
            return None
        unchanged = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
        return code if unchanged else None

    @staticmethod
    def _written(file: str) -> int:
        """Return when a source's byte code was written (Unix ns): now, if there is none yet."""
        try:
            return os.stat(importlib.util.cache_from_source(file)).st_mtime_ns
        except FileNotFoundError:
            return time.time_ns()


class BundleFinder(MetaPathFinder):
    """Finds the modules of a bundle before anything on the disk."""

    def __init__(self, bundle: Bundle) -> None:
        """Serve this bundle."""
        self._bundle = bundle
        self._parents = bundle.parents()
        self._files: Carried | None = None
        self._folders = {folder for file in (*bundle.data, *bundle.left) for folder in _above(file)}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a module of the bundle, or a folder above one; None for others."""
        source = self._bundle.modules.get(fullname)
        if source is None:
            return self._parent(fullname, path) if fullname in self._parents else self._folder(fullname, path)
        spec = ModuleSpec(
            fullname, BundleLoader(fullname, source, self._carried), origin=source.file, is_package=source.is_package
        )
        spec.has_location = True
        if source.is_package:
            spec.submodule_search_locations = [os.path.dirname(source.file)]
        return spec

    def _carried(self) -> Carried:
        """Return the bundle's files; most jobs ask for none of them."""
        from picloud.worker.resources import Carried

        if self._files is None:
            self._files = Carried(self._bundle)
        return self._files

    def _folder(self, fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """Return how to load a folder without code in a package of the bundle; None for others."""
        if not path or not self._folders:
            return None
        folder = os.path.join(next(iter(path)), fullname.rpartition(".")[2])
        if folder not in self._folders:
            return None
        found = PathFinder.find_spec(fullname, path)
        if found is not None and found.origin is not None:
            return None
        spec = ModuleSpec(fullname, DataLoader(folder, self._carried), is_package=True)
        spec.submodule_search_locations = [folder]
        return spec

    def _parent(self, fullname: str, path: Sequence[str] | None) -> ModuleSpec:
        found = self._folder(fullname, path) or PathFinder.find_spec(fullname, path)
        if found is not None:
            return found
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = []
        return spec


def _above(file: str) -> list[str]:
    """Return the folders that a file lies in, the nearest first."""
    folders: list[str] = []
    while (folder := os.path.dirname(file)) not in ("", file):
        folders.append(folder)
        file = folder
    return folders


def install(bundle: Bundle) -> BundleFinder:
    """Serve the bundle's modules from now on, also in place of standard ones of the same name, as in the client."""
    finder = BundleFinder(bundle)
    carried.installed = bundle
    sys.meta_path.insert(0, finder)
    for name in bundle.modules:
        if name.partition(".")[0] not in _NEEDED:
            sys.modules.pop(name, None)
    for file, text in bundle.quoted.items():
        quote(file, text)
    return finder
