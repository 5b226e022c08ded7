"""What is measured inside a contender's process: each is done the same way, whoever the contender is."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from jobs import Reader, array_of, first_and_last, kilobytes, nothing, spin

if TYPE_CHECKING:
    from contenders.base import Contender

Figures = dict[str, float]
"""Seconds by name: `seconds` is the figure, the others say how it came about."""


def latency(contender: Contender, count: int) -> Figures:
    """Run single jobs one after the other: the figure is the median from submission to result."""
    began = time.perf_counter()
    taken = _latencies(contender, count)
    return {"seconds": median(taken), "all": time.perf_counter() - began}


def _latencies(contender: Contender, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        contender.result(contender.submit(nothing))
        taken.append(time.perf_counter() - began)
    return taken


def threads(contender: Contender, threads: int, count: int) -> Figures:
    """Run `count` single jobs, shared by threads: the figure is the median of all, `all` the time of all together."""
    taken: list[list[float]] = []
    barrier = threading.Barrier(threads + 1)

    def work() -> None:
        barrier.wait()
        taken.append(_latencies(contender, count // threads))

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    barrier.wait()
    began = time.perf_counter()
    for thread in running:
        thread.join()
    return {"seconds": median(value for values in taken for value in values), "all": time.perf_counter() - began}


def many(contender: Contender, count: int) -> Figures:
    """Run a job for each of `count` items: the figure is the time to the last result."""
    began = time.perf_counter()
    jobs = contender.submit_each(nothing, range(count))
    submitted = time.perf_counter()
    results = contender.results(jobs)
    ended = time.perf_counter()
    _check(len(results), count)
    return {"seconds": ended - began, "submitted": submitted - began}


def chunked(contender: Any, count: int) -> Figures:
    """Do as `many` in anonymous chunks, of which nothing is known but their values."""
    began = time.perf_counter()
    results = contender.chunked(nothing, range(count))
    taken = time.perf_counter() - began
    _check(len(results), count)
    return {"seconds": taken}


def million(contender: Contender, count: int) -> Figures:
    """Run picloud's jobs for `count` items, and ask for all of them in every way: `map` and the others say what each took."""
    import cloud

    del contender
    marks = [time.perf_counter()]

    def mark() -> float:
        marks.append(time.perf_counter())
        return marks[-1] - marks[-2]

    jids = cloud.map(nothing, range(count))
    mapped = mark()
    cloud.join(jids)
    joined = mark()
    results = cloud.result(jids)
    collected = mark()
    seconds = marks[-1] - marks[0]
    statuses = cloud.status(jids)
    asked = mark()
    _check((len(results), set(statuses), len(statuses)), (count, {"done"}, count))
    return {
        "seconds": seconds,
        "map": mapped,
        "join": joined,
        "result of all": collected,
        "status of all": asked,
    }


def begun(contender: Contender, count: int) -> Figures:
    """Begin a job for each of `count` items, and leave them to run."""
    jobs = contender.submit_each(nothing, range(count))
    return {"first": float(jobs[0])}


def ended(contender: Contender, first: int, count: int) -> Figures:
    """Wait for jobs of picloud's that were begun; `left` says how many had not ended before."""
    import cloud

    jids = range(first, first + count)
    left = count - cloud.status(jids).count("done")
    results = contender.results(jids)
    _check(len(results), count)
    return {"left": float(left)}


def fill(contender: Contender, arrays: int, items: int) -> Figures:
    """Store jobs that have ended: so many maps of so many items."""
    began = time.perf_counter()
    jobs = [contender.submit_each(nothing, range(items)) for _ in range(arrays)]
    for array in jobs:
        contender.results(array)
    return {"seconds": time.perf_counter() - began}


def urgent(contender: Contender, count: int) -> Figures:
    """Run picloud's single jobs that go before others; `p99` is what all but one in a hundred take at most."""
    import cloud

    del contender
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        cloud.result(cloud.call(nothing, _priority=1))
        taken.append(time.perf_counter() - began)
    return {"seconds": median(taken), "p99": sorted(taken)[-max(1, count // 100)]}


def spins(contender: Contender, seconds: Sequence[float]) -> Figures:
    """Run a job for each number, that uses a CPU for so many seconds."""
    began = time.perf_counter()
    contender.results(contender.submit_each(spin, seconds))
    return {"seconds": time.perf_counter() - began}


def argument(contender: Contender, size: int, seed: float) -> Figures:
    """Give a job an array of `size` bytes."""
    array = array_of(size, seed)
    began = time.perf_counter()
    found = contender.result(contender.submit(first_and_last, array))
    taken = time.perf_counter() - began
    _check(found, (seed, seed))
    return {"seconds": taken}


def returned(contender: Contender, size: int, seed: float) -> Figures:
    """Take an array of `size` bytes from a job, and look at both its ends."""
    began = time.perf_counter()
    job = contender.submit(array_of, size, seed)
    found = first_and_last(contender.result(job))
    taken = time.perf_counter() - began
    _check(found, (seed, seed))
    return {"seconds": taken, "job": float(job) if isinstance(job, int) else 0.0}


def read(contender: Contender, job: int, seed: float) -> Figures:
    """Take the array that another process's job has returned."""
    began = time.perf_counter()
    found = first_and_last(contender.result(job))
    taken = time.perf_counter() - began
    _check(found, (seed, seed))
    return {"seconds": taken}


def shared(contender: Contender, size: int, seed: float, count: int) -> Figures:
    """Run jobs that share a table of `size` bytes."""
    reader = Reader(array_of(size, seed))
    began = time.perf_counter()
    results = contender.results(contender.submit_each(reader, range(count)))
    taken = time.perf_counter() - began
    _check(results, [seed] + [1.0] * (count - 1))
    return {"seconds": taken}


def kilobyte_results(contender: Contender, count: int) -> Figures:
    """Take 10 kB from each of `count` jobs."""
    began = time.perf_counter()
    results = contender.results(contender.submit_each(kilobytes, range(count)))
    taken = time.perf_counter() - began
    _check(len(results), count)
    _check(results[-1], kilobytes(count - 1))
    return {"seconds": taken}


def _check(found: object, expected: object) -> None:
    """Compare what came with what was to come.

    Raises:
        RuntimeError: if they are not equal: a figure of wrong work would be worth nothing.
    """
    if found != expected:
        raise RuntimeError(f"{found!r} came instead of {expected!r}"[:500])
