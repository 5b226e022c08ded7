"""Content-addressed bytes on their way to workers: functions, contexts, bundles; the least used leave memory first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from picloud.exceptions import StoreCorruptError
from picloud.model.context import Context
from picloud.store.tables import Tables

LIMIT = 64 << 20
"""Bytes that are kept in memory."""


class Contents:
    """A cache in front of the store's blobs, in which fresh ones stay until they are committed and long after."""

    def __init__(self, tables: Tables) -> None:
        """Start empty."""
        self._tables = tables
        self._kept: OrderedDict[str, bytes | str] = OrderedDict()
        self._contexts: OrderedDict[str, Context] = OrderedDict()
        self._size = 0

    def put(self, hash_: str, content: bytes | str) -> None:
        """Keep content, or the id of the segment that it lies in."""
        if hash_ not in self._kept:
            self._kept[hash_] = content
            self._size += len(content)
            while self._size > LIMIT and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped)

    def known(self, hash_: str) -> bool:
        """Return whether the content is in memory or stored."""
        try:
            return hash_ in self._kept or self._tables.has_blob(hash_)
        except ValueError:
            # What cannot be a hash names nothing.
            return False

    def forget(self, hashes: Iterable[str]) -> None:
        """Drop content from memory: the store deletes it."""
        for hash_ in hashes:
            dropped = self._kept.pop(hash_, None)
            self._size -= len(dropped) if dropped is not None else 0
            self._contexts.pop(hash_, None)

    def get(self, hash_: str) -> bytes | str:
        """Return the content, or the id of its segment.

        Raises:
            StoreCorruptError: if the store lacks it.
        """
        kept = self._kept.get(hash_)
        if kept is not None:
            self._kept.move_to_end(hash_)
            return kept
        blob = self._tables.blob(hash_)
        if blob is None:
            raise StoreCorruptError(f"The content {hash_} that a job needs is missing", hint="run `picloud node check`")
        content = blob.content if blob.content is not None else blob.segment
        if content is None:
            raise StoreCorruptError(f"The content {hash_} is empty", hint="run `picloud node check`")
        self.put(hash_, content)
        return content

    def context(self, hash_: str) -> Context:
        """Return a decoded context."""
        found = self._contexts.get(hash_)
        if found is None:
            content = self.get(hash_)
            if isinstance(content, str):
                raise StoreCorruptError(f"The context {hash_} lies in a segment", hint="run `picloud node check`")
            found = self._contexts[hash_] = Context.decode(content)
            if len(self._contexts) > 256:
                self._contexts.popitem(last=False)
        return found
