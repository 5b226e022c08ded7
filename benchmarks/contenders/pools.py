"""loky, concurrent.futures and joblib: pools of processes, which keep nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import partial
from typing import Any

from contenders.base import Contender, workers

CHUNKS_PER_WORKER = 8
"""Into how many chunks a worker's share of a chunked map is cut."""


class Pool(Contender):
    """An executor, with a future for each job."""

    def __init__(self, executor: Executor) -> None:
        """Own the executor."""
        self._executor = executor

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Get a future."""
        return self._executor.submit(function, *arguments)

    def result(self, job: Future[Any]) -> Any:
        """Wait for it."""
        return job.result()

    def chunked(self, function: Callable[..., Any], items: Sequence[Any]) -> list[Any]:
        """Map in large chunks, none of whose items is a job of its own."""
        size = max(1, len(items) // (workers() * CHUNKS_PER_WORKER))
        return list(self._executor.map(function, items, chunksize=size))

    def close(self) -> None:
        """End the workers."""
        self._executor.shutdown()


class Joblib(Contender):
    """joblib's Parallel, which knows batches alone: a job is a batch of one."""

    def __init__(self) -> None:
        """Have the workers that joblib keeps between its calls."""
        from joblib import Parallel, delayed

        self._parallel = Parallel(n_jobs=workers())
        self._delayed = delayed

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        """Put off what joblib does in one go."""
        return partial(self._run, function, [arguments])

    def result(self, job: Callable[[], list[Any]]) -> Any:
        """Run it."""
        return job()[0]

    def submit_each(self, function: Callable[..., Any], items: Sequence[Any]) -> Sequence[Any]:
        """Put off what joblib does in one go."""
        return [partial(self._run, function, [(item,) for item in items])]

    def results(self, jobs: Sequence[Callable[[], list[Any]]]) -> list[Any]:
        """Run them."""
        (batch,) = jobs
        return batch()

    def _run(self, function: Callable[..., Any], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
        delayed = self._delayed(function)
        return list(self._parallel(delayed(*row) for row in rows))

    def close(self) -> None:
        """End the workers."""
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)


def loky() -> Pool:
    """Return loky's executor, which never lets its workers go."""
    from loky import ProcessPoolExecutor as LokyExecutor

    return Pool(LokyExecutor(max_workers=workers(), timeout=None))


def futures() -> Pool:
    """Return the standard library's executor."""
    return Pool(ProcessPoolExecutor(max_workers=workers()))
