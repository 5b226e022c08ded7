"""What a client remembers of jobs that have ended: how single ones did, with their results, and bare statuses.

An end never changes, so that a second question needs no second answer of the node.  It can be deleted, though: a process
forgets all of it when it deletes something itself, and may go on to remember what another one deletes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from itertools import islice

from picloud.model import job

_ENTRY = 100
"""Bytes that an entry takes besides its record, roughly."""


class Recent:
    """Records of ends of single jobs by jid: the oldest go first when they take too much room."""

    def __init__(self, room: int) -> None:
        """Keep at most `room` bytes."""
        self._room = room
        self._used = 0
        self._records: dict[int, bytes] = {}
        self._lock = threading.RLock()

    def put(self, jid: int, record: bytes) -> None:
        """Keep a job's record."""
        size = len(record) + _ENTRY
        if size > self._room:
            return
        with self._lock:
            if jid not in self._records:
                self._records[jid] = record
                self._used += size
                while self._used > self._room:
                    self._drop_half()

    def _drop_half(self) -> None:
        """Drop the older half: a dict finds its first entry the slower, the more were dropped one by one before it."""
        for jid in list(islice(self._records, max(1, len(self._records) // 2))):
            self._used -= len(self._records.pop(jid)) + _ENTRY

    def get(self, jid: int) -> bytes | None:
        """Return a job's record."""
        return self._records.get(jid)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._records.clear()
            self._used = 0


class Finals:
    """Final status codes by jid."""

    def __init__(self, most: int) -> None:
        """Keep those of so many jobs at most."""
        self._most = most
        self._codes: dict[int, int] = {}
        self._lock = threading.RLock()

    def put(self, jids: Iterable[int], codes: Iterable[int]) -> None:
        """Keep those that are final."""
        with self._lock:
            self._codes.update((jid, code) for jid, code in zip(jids, codes, strict=True) if job.is_finished(code))
            if len(self._codes) > self._most:
                for jid in list(islice(self._codes, len(self._codes) - self._most // 2)):
                    del self._codes[jid]

    def of(self, jids: Sequence[int]) -> list[int] | None:
        """Return the codes of jobs, if all of them are known."""
        try:
            return [self._codes[jid] for jid in jids]
        except KeyError:
            return None

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._codes.clear()
