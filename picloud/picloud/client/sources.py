"""The bundle of the project's modules that goes with a submission, kept as long as nothing has changed.

A loaded module's source is read when it is first seen, and again when it was reloaded: what runs there is what is in memory
here.  A module that only an import inside a function would load is looked at on the disk at each submission.
"""

from __future__ import annotations

import linecache
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from operator import is_
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from picloud.client import project, whitelist
from picloud.client.imports import imports_in_code, imports_of, is_standard, names_inner_imports
from picloud.client.project import Stamp
from picloud.client.resources import NO_DATA, PackageData, Resources
from picloud.client.whitelist import Whitelist
from picloud.model import bundle
from picloud.model.bundle import Bundle, Source
from picloud.model.context import content_hash

_MAX_CODES = 1000


class EncodedBundle(NamedTuple):
    """A bundle as it travels."""

    hash: str
    """Its name; '' if there is nothing to send."""
    content: bytes
    """Its JSON form."""


NOTHING = EncodedBundle("", b"")
"""The bundle of a submission without modules of its own."""


def _spec_of(module: ModuleType) -> ModuleSpec | None:
    return getattr(module, "__spec__", None)


def _unchanged(seen: tuple[str, int, int]) -> bool:
    """Return whether a file is still the one that was read."""
    try:
        facts = os.stat(seen[0])
    except OSError:
        return False
    return facts.st_mtime_ns == seen[1] and facts.st_ino == seen[2]


@dataclass(frozen=True, slots=True)
class _State:
    """What the last look saw; while it still holds, so does the bundle."""

    count: int
    last: str
    path: list[str]
    names: list[str]
    modules: list[ModuleType]
    specs: list[ModuleSpec | None]
    files: list[tuple[str, int, int]]
    encoded: EncodedBundle
    allowed: Whitelist

    def holds(self) -> bool:
        loaded = sys.modules
        return (
            len(loaded) == self.count
            and next(reversed(loaded)) == self.last
            and sys.path == self.path
            and whitelist.current() is self.allowed
            and all(map(is_, map(loaded.get, self.names), self.modules))
            and all(map(is_, map(_spec_of, self.modules), self.specs))
            and all(map(_unchanged, self.files))
        )


class _Loaded(NamedTuple):
    module: ModuleType
    spec: ModuleSpec | None
    source: Source


class _Unloaded(NamedTuple):
    stamp: Stamp | None
    source: Source
    imports: frozenset[str]


class Sources:
    """The sources of this process's submissions."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lock = threading.RLock()
        self._state: _State | None = None
        self._loaded: dict[str, _Loaded] = {}
        self._unloaded: dict[str, _Unloaded] = {}
        self._quoted: dict[str, str] = {}
        self._files: frozenset[str] = frozenset()
        self._roots: frozenset[str] = frozenset()
        self._tops: frozenset[str] = frozenset()
        self._codes: dict[int, CodeType] = {}
        self._missing: tuple[list[str], set[str]] = ([], set())
        self._content: tuple[Bundle, EncodedBundle] = (Bundle(), NOTHING)
        self._resources = Resources()

    def current(self, codes: list[CodeType]) -> EncodedBundle:
        """Return the bundle for a function; `codes` is the code in it that goes by value."""
        new = [code for code in codes if id(code) not in self._codes]
        state = self._state
        if state is not None and not new and state.holds():
            return state.encoded
        with self._lock:
            if not self._note_codes(new) and state is not None and state is self._state and state.holds():
                return state.encoded
            return self._look()

    def quoted_text(self, code: CodeType) -> str | None:
        """Return the source text that code by value brings along: an interactive cell's; None if the bundle has it or nobody."""
        file = code.co_filename
        if file in self._files or file in self._quoted:
            return None
        entry = linecache.cache.get(file)
        if entry is not None and len(entry) > 1 and entry[1] is None:
            return "".join(entry[2])
        by_code: Any = getattr(linecache, "_getlines_from_code", None)
        lines = by_code(code) if by_code is not None and file.startswith("<") else None
        return "".join(lines) if lines else None

    def _look(self) -> EncodedBundle:
        """Look at everything again."""
        allowed = whitelist.current()
        loaded = list(sys.modules.items())
        path = sys.path.copy()
        self._quote_main()
        self._read_loaded(loaded)
        self._follow(path)
        known: list[tuple[str, _Loaded | _Unloaded]] = [*self._loaded.items(), *self._unloaded.items()]
        sources = {name: entry.source for name, entry in known if allowed.allows(name)}
        data = self._data(sources)
        encoded = self._encode(sources, data)
        modules = [entry.module for entry in self._loaded.values()]
        unloaded = self._unloaded.values()
        self._state = _State(
            count=len(loaded),
            last=loaded[-1][0],
            path=path,
            names=list(self._loaded),
            modules=modules,
            specs=[entry.spec for entry in self._loaded.values()],
            files=[(file, seen.mtime, seen.inode) for file, seen in _seen(unloaded, data)],
            encoded=encoded,
            allowed=allowed,
        )
        return encoded

    def _quote_main(self) -> None:
        file = getattr(sys.modules.get("__main__"), "__file__", None)
        if not isinstance(file, str) or file in self._quoted or not project.is_project_file(file):
            return
        text = project.read_text(file)
        if text is not None:
            self._quoted[file] = text

    def _read_loaded(self, loaded: list[tuple[str, ModuleType]]) -> None:
        carried = bundle.installed.modules if bundle.installed is not None else {}
        found: dict[str, _Loaded] = {}
        for name, module in loaded:
            if name in carried or not project.is_project_module(name, module):
                continue
            spec = getattr(module, "__spec__", None)
            known = self._loaded.get(name)
            if known is not None and known.module is module and known.spec is spec:
                found[name] = known
                continue
            source = project.read(name, spec, project.file_of(module), hasattr(module, "__path__"))
            if source is not None:
                found[name] = _Loaded(module, spec, source)
        self._loaded = found

    def _note_codes(self, codes: list[CodeType]) -> bool:
        """Remember by-value code, so that its id stays its own; return whether it imports what no other did."""
        if len(self._codes) > _MAX_CODES:
            self._codes.clear()
        names: set[str] = set()
        for code in codes:
            self._codes[id(code)] = code
            if code.co_filename not in self._files and code.co_filename not in self._quoted:
                names |= imports_in_code(code)
        more = not names <= self._roots
        self._roots |= names
        return more

    def _follow(self, path: list[str]) -> None:
        """Find the modules that are not loaded and that imports inside functions name, from one to the next."""
        if self._missing[0] != path:
            self._missing = (path, set())
        known, self._unloaded = self._unloaded, {}
        wanted = [name for name in self._roots if self._is_open(name)]
        self._tops = frozenset(name.partition(".")[0] for name in self._loaded)
        for name, entry in self._loaded.items():
            wanted += self._inner_imports(name, entry.source)
        for text in self._quoted.values():
            wanted += self._inner_imports("__main__", Source("", False, text))
        while wanted:
            for name, spec in self._resolve(wanted.pop()):
                found = _read_unloaded(name, spec, known.get(name))
                if found is not None:
                    self._unloaded[name] = found
                    wanted += [target for target in found.imports if self._is_open(target)]

    def _inner_imports(self, name: str, source: Source) -> list[str]:
        tops = names_inner_imports(source.text)
        if not any(top == "" or self._is_open(top) or top in self._tops for top in tops):
            return []
        return [target for target in imports_of(source.text, name, source.is_package) if self._is_open(target)]

    def _is_open(self, name: str) -> bool:
        """Return whether a module may be one of the project that is not known yet."""
        return not (
            name in sys.modules
            or name in self._unloaded
            or name in self._missing[1]
            or is_standard(name)
            or project.is_own_name(name)
        )

    def _resolve(self, name: str) -> list[tuple[str, ModuleSpec]]:
        """Return the modules of the project that importing a name would load, itself and its parents."""
        carried = bundle.installed.modules if bundle.installed is not None else {}
        found: list[tuple[str, ModuleSpec]] = []
        locations: Any = None
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            part = ".".join(parts[:depth])
            module = sys.modules.get(part)
            if module is not None:
                locations = getattr(module, "__path__", None)
            else:
                spec = project.find_spec(part, locations)
                file = spec.origin if spec is not None else None
                if spec is None or (file and not project.is_project_file(file)):
                    self._missing[1].add(name)
                    break
                locations = spec.submodule_search_locations
                if file and part not in carried and part not in self._unloaded:
                    found.append((part, spec))
            if locations is None:
                break
        return found

    def _data(self, sources: Mapping[str, Source]) -> PackageData:
        """Return the data files of the packages that are in the bundle."""
        folders = [os.path.dirname(source.file) for source in sources.values() if source.is_package]
        return self._resources.look(folders) if folders else NO_DATA

    def _encode(self, sources: Mapping[str, Source], data: PackageData) -> EncodedBundle:
        carried = bundle.installed or Bundle()
        modules = {**carried.modules, **sources}
        whole = Bundle(
            modules,
            {**carried.quoted, **self._quoted},
            {**carried.data, **data.files},
            {**carried.left, **data.left},
        )
        if whole != self._content[0]:
            self._files = frozenset(source.file for source in modules.values()) | frozenset(carried.quoted)
            content = whole.encode()
            self._content = (whole, EncodedBundle(content_hash(content), content))
        return self._content[1]


def _seen(unloaded: Iterable[_Unloaded], data: PackageData) -> list[tuple[str, Stamp]]:
    """Return the files and folders that are looked at on the disk at each submission, as they were."""
    return [(entry.source.file, entry.stamp) for entry in unloaded if entry.stamp] + data.seen


def _read_unloaded(name: str, spec: ModuleSpec, known: _Unloaded | None) -> _Unloaded | None:
    """Return what is to know of a module that is not loaded, again only if its file has changed."""
    assert spec.origin is not None
    seen = project.stamp(spec.origin)
    if known is not None and known.stamp == seen:
        return known
    is_package = spec.submodule_search_locations is not None
    source = project.read(name, spec, spec.origin, is_package)
    if source is None:
        return None
    return _Unloaded(seen, source, imports_of(source.text, name, is_package))
