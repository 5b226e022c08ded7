"""What travels with a job of the project: its own modules, their packages' data files, and what its tracebacks quote.

A bundle is content-addressed and names the pool of its workers, so a worker serves one bundle for its life and edited code
always meets a fresh worker.  A name of which only sub-modules are in the bundle, and which is nowhere on the path of the
worker either, is an empty namespace package there (`Bundle.parents`).
"""

from __future__ import annotations

import json
import linecache
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

_T = TypeVar("_T")

MAX_DATA = 8 << 20
"""Bytes of data files that a bundle holds."""


class Source(NamedTuple):
    """One module."""

    file: str
    """The file that it comes from: its `__file__`, and what tracebacks name."""
    is_package: bool
    """Whether it is a package; its other modules are then looked for in the folder of `file`."""
    text: str
    """Its source."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """All modules of a submission that lie outside the standard library and site-packages."""

    modules: Mapping[str, Source] = field(default_factory=dict)
    """By full name."""
    quoted: Mapping[str, str] = field(default_factory=dict)
    """Source text by file name, for tracebacks alone: the main script, interactive cells."""
    data: Mapping[str, bytes] = field(default_factory=dict)
    """Data files of the packages, by path."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Sizes (bytes) of data files that were too large to come along, by path."""

    def encode(self) -> bytes:
        """Return JSON, behind which the data follow on the next line; the same bundle always gives the same bytes."""
        values: dict[str, Any] = {
            "modules": {name: list(source) for name, source in self.modules.items()},
            "linecache": dict(self.quoted),
        }
        paths = sorted(self.data)
        if paths:
            values["data"] = [[path, len(self.data[path])] for path in paths]
        if self.left:
            values["left"] = dict(self.left)
        text = json.dumps(values, sort_keys=True).encode()
        return b"".join([text, b"\n", *map(self.data.__getitem__, paths)]) if paths else text

    @staticmethod
    def decode(text: bytes | memoryview) -> Bundle:
        """Rebuild what was encoded."""
        head, _, tail = bytes(text).partition(b"\n")
        values: dict[str, Any] = json.loads(head)
        modules = {name: Source(*source) for name, source in values["modules"].items()}
        data: dict[str, bytes] = {}
        at = 0
        for path, length in values.get("data", ()):
            data[path] = tail[at : at + length]
            at += length
        return Bundle(modules, values["linecache"], data, values.get("left", {}))

    def parents(self) -> frozenset[str]:
        """Return the names above the modules that are in no bundle themselves."""
        above = {
            name[:at]
            for name in self.modules
            for at, letter in enumerate(name)
            if letter == "." and name[:at] not in self.modules
        }
        return frozenset(above)


def quote(file: str, text: str) -> None:
    """Let tracebacks of this process quote `text` for `file`, whatever lies on the disk by now."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)


def with_quotes(value: _T, quoted: Mapping[str, str]) -> _T:
    """Return the value after `quote` for each text: a pickled function brings its interactive source along."""
    for file, text in quoted.items():
        quote(file, text)
    return value


installed: Bundle | None = None
"""The bundle that this process serves, so that jobs which it submits travel with the same; only the worker's finder sets it."""
