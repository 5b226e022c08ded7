"""Ends that came with the answer to their submission, kept until they are asked for."""

from __future__ import annotations

import threading


class Recent:
    """Records of ends of single jobs by jid: the oldest go first when they take too much room."""

    def __init__(self, room: int) -> None:
        """Keep at most `room` bytes."""
        self._room = room
        self._used = 0
        self._records: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def put(self, jid: int, record: bytes) -> None:
        """Keep a job's record."""
        if len(record) > self._room:
            return
        with self._lock:
            self._used += len(record) - len(self._records.pop(jid, b""))
            self._records[jid] = record
            while self._used > self._room:
                oldest = next(iter(self._records))
                self._used -= len(self._records.pop(oldest))

    def get(self, jid: int) -> bytes | None:
        """Return a job's record and keep it."""
        return self._records.get(jid)

    def take(self, jid: int) -> bytes | None:
        """Return a job's record, which is kept no longer: what others do to the job later is seen by the next question."""
        with self._lock:
            record = self._records.pop(jid, None)
            if record is not None:
                self._used -= len(record)
            return record

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._records.clear()
            self._used = 0
