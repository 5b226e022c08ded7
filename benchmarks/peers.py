"""The peers: loky and concurrent.futures, which keep nothing, with one future a job or with anonymous chunks."""

from __future__ import annotations

import os
import time
from concurrent.futures import Executor, ProcessPoolExecutor

from work import nothing

CHUNKS_PER_WORKER = 8
"""Into how many chunks a worker's share of a chunked map is cut."""


class Pool:
    """An executor with one worker a CPU, as its own documentation uses it."""

    def __init__(self, executor: Executor, workers: int) -> None:
        """Own the executor."""
        self._executor = executor
        self._workers = workers

    def latency(self, count: int) -> list[float]:
        """Return the seconds from submit to result of single jobs, one after the other."""
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            self._executor.submit(nothing).result()
            taken.append(time.perf_counter() - began)
        return taken

    def many(self, count: int) -> dict[str, float]:
        """Submit a future for each of `count` items; return the seconds until all results are here."""
        began = time.perf_counter()
        futures = [self._executor.submit(nothing, item) for item in range(count)]
        for future in futures:
            future.result()
        return {"seconds": time.perf_counter() - began}

    def chunked(self, count: int) -> dict[str, float]:
        """Map over `count` items in large chunks, none of which is a job of its own; return the seconds."""
        size = max(1, count // (self._workers * CHUNKS_PER_WORKER))
        began = time.perf_counter()
        results = list(self._executor.map(nothing, range(count), chunksize=size))
        taken = time.perf_counter() - began
        if len(results) != count:
            raise RuntimeError(f"{len(results)} results of {count} items")
        return {"seconds": taken}

    def close(self) -> None:
        """End the workers."""
        self._executor.shutdown()


def workers() -> int:
    """Return the CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def loky() -> Pool:
    """Return loky's executor, which never lets its workers go."""
    from loky import ProcessPoolExecutor as LokyExecutor

    return Pool(LokyExecutor(max_workers=workers(), timeout=None), workers())


def futures() -> Pool:
    """Return the standard library's executor."""
    return Pool(ProcessPoolExecutor(max_workers=workers()), workers())
