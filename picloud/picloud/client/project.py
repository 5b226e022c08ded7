"""What is the project's own code: source outside the standard library, site-packages and picloud itself."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from functools import cache
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NamedTuple

from picloud.client import loading
from picloud.model.bundle import Source

_MAINS = ("__main__", "__mp_main__")


class Stamp(NamedTuple):
    """What tells one state of a file from another."""

    mtime: int
    """Nanoseconds."""
    size: int
    """Bytes."""
    inode: int
    """Its number: a file that was replaced has another one."""


def stamp(file: str) -> Stamp | None:
    """Return the state of a file; None if it is not there."""
    try:
        facts = os.stat(file)
    except OSError:
        return None
    return Stamp(facts.st_mtime_ns, facts.st_size, facts.st_ino)


@cache
def foreign_roots() -> tuple[str, ...]:
    """Return the folders of what every worker of this interpreter can import by itself, each with a separator behind it."""
    with loading.lock:  # The first questions to sysconfig hold a lock that a fork must not copy.
        import site
        import sysconfig

        paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
        paths += site.getsitepackages()
        paths += site.getsitepackages([sys.base_prefix, sys.base_exec_prefix])
        paths.append(site.getusersitepackages())
    both = {path for found in paths if found for path in (os.path.abspath(found), os.path.realpath(found))}
    return tuple(sorted(path + os.sep for path in both))


@cache
def is_project_file(file: str) -> bool:
    """Return whether a module's file is source of the project."""
    path = os.path.abspath(file)
    return path.endswith((".py", ".pyw")) and not (
        path.startswith(foreign_roots()) or os.path.realpath(path).startswith(foreign_roots())
    )


def is_own_name(name: str) -> bool:
    """Return whether a module is part of picloud, which workers have."""
    top = name.partition(".")[0]
    return top in ("picloud", "cloud") or top.startswith("picloud_")


def file_of(module: ModuleType) -> str:
    """Return the source file that a loaded module comes from; '' if there is none."""
    spec = getattr(module, "__spec__", None)
    file = getattr(spec, "origin", None) or getattr(module, "__file__", None)
    return file if isinstance(file, str) else ""


def is_project_module(name: str, module: object) -> bool:
    """Return whether a loaded module is the project's."""
    if not isinstance(module, ModuleType) or name in _MAINS:
        return False
    file = file_of(module)
    return bool(file) and is_project_file(file) and not is_own_name(name)


def read(name: str, spec: ModuleSpec | None, file: str, is_package: bool) -> Source | None:
    """Return a module's source as its loader knows it (in a worker, the text that came along), else from its file."""
    get_source = getattr(getattr(spec, "loader", None), "get_source", None)
    text: str | None = None
    if get_source is not None:
        try:
            text = get_source(name)
        except (ImportError, OSError, SyntaxError):
            text = None
    if text is None:
        text = read_text(file)
    return None if text is None else Source(file, is_package, text)


def read_text(file: str) -> str | None:
    """Return a source file's text in its own encoding; None if it cannot be read."""
    try:
        with open(file, "rb") as source:
            return importlib.util.decode_source(source.read())
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


def find_spec(name: str, locations: Iterable[str] | None) -> ModuleSpec | None:
    """Return what the finders know of a module in its parent's locations, without importing anything."""
    path = None if locations is None else list(locations)
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        try:
            spec: ModuleSpec | None = find(name, path) if find is not None else None
        except Exception:  # noqa: S112 - a finder of the user's that fails knows nothing
            continue
        if spec is not None:
            return spec
    return None
