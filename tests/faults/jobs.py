"""What the jobs of a storm do: each says in a journal outside the store that it begins and that it ends."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable


def value_of(token: str, index: int) -> str:
    """Return what a job gives."""
    return hashlib.sha256(f"{token} {index}".encode()).hexdigest()


def fails(index: int) -> bool:
    """Return whether a job raises."""
    return index % 17 == 16


def job_of(journal: str, token: str, seconds: float, ballast: int) -> Callable[[int], tuple[str, bytes]]:
    """Return a function that needs nothing but the standard library where it runs.

    It writes one line when it begins and one when it ends, each by a single `write` to a file that is only ever appended to.
    `ballast` are bytes that each result carries.
    """
    begins, ends = "B", "E"

    def job(index: int) -> tuple[str, bytes]:
        def note(kind: str) -> None:
            file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(file, f"{kind} {token} {index}\n".encode())
            os.close(file)

        note(begins)
        if seconds:
            time.sleep(seconds)
        value = hashlib.sha256(f"{token} {index}".encode()).hexdigest()
        note(ends)
        if index % 17 == 16:
            raise ValueError(f"refused {token} {index}")
        return value, value.encode()[:1] * ballast

    return job
