"""Stores on real disks, and the records to put into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from picloud.model import arguments, outcome
from picloud.model.array import JobArray, JobOptions
from picloud.model.context import content_hash
from picloud.model.job import DONE
from picloud.model.settings import Durability
from picloud.store import segments
from picloud.store.batch import Batch
from picloud.store.environment import Environment
from picloud.store.records import Summary
from picloud.store.tables import Tables
from picloud.store.writer import Writer

FUNCTION = b"a function"
CONTEXT = b"{}"


class Store:
    """One open store with a writer that commits inline."""

    def __init__(self, home: Path, durability: Durability = Durability.PROCESS) -> None:
        """Open the store of a home."""
        self.home = home
        self.environment = Environment.open(home, durability)
        self.writer = Writer(self.environment)
        self.tables = Tables(self.environment)

    def commit(self, *steps: Callable[[Batch], object]) -> Batch:
        """Commit what the steps put into one batch."""
        batch = Batch()
        for step in steps:
            step(batch)
        self.writer.commit(batch)
        return batch

    def array(self, first: int, count: int, **options: object) -> JobArray:
        """Return an array that nobody has stored yet."""
        made = JobArray(
            first=first,
            count=count,
            client="client",
            sequence=first,
            function=content_hash(FUNCTION),
            context=content_hash(CONTEXT),
            name="module.function at file.py:3",
            is_map=count > 1,
            created=1000.0 + first,
            parent=None,
            hostname="host",
            options=JobOptions(),
        )
        return replace(made, options=replace(made.options, **options)) if options else made  # type: ignore[arg-type]  # options of any type

    def submit(self, array: JobArray, chunk: int = 4) -> JobArray:
        """Store an array with its arguments in chunks."""
        batch = Batch()
        batch.put_blob(content_hash(FUNCTION), FUNCTION)
        batch.put_blob(content_hash(CONTEXT), CONTEXT)
        batch.put_array(array)
        for start in range(0, array.count, chunk):
            batch.put_arguments(array.first, start, self.arguments(start, min(start + chunk, array.count)))
        self.writer.commit(batch)
        return array

    def arguments(self, start: int, stop: int) -> bytes:
        """Return a record of arguments that can be told apart."""
        return arguments.encode_items([b"\x80%d" % index for index in range(start, stop)])

    def ends(self, codes: Sequence[int], segment: str = "", started: float = 0.0) -> bytes:
        """Return a record of ends; with a segment every result lies in it."""
        payload = segment.encode() or b"\x80result"
        flags = outcome.RowFlag.RESULT_SEGMENT if segment else 0
        rows = [
            outcome.ROW.pack(code, flags, 0, at * len(payload), 0, len(payload), 0.0, 0.5)
            for at, code in enumerate(codes)
        ]
        return outcome.encode(b"".join(rows), payload * len(codes), attempt=1, worker=1, started=started)

    def run(self, array: JobArray, chunk: int = 4, code: int = DONE, finished: float = 2000.0) -> JobArray:
        """Submit an array and end all its items alike."""
        self.submit(array, chunk)
        batch = Batch()
        for start in range(0, array.count, chunk):
            stop = min(start + chunk, array.count)
            batch.put_ends(array.first, start, self.ends([code] * (stop - start)))
        batch.put_finished(array.first, Summary.of(bytes([code]) * array.count, finished))
        self.writer.commit(batch)
        return array

    def write_segment(self, name: str, content: bytes = b"content") -> None:
        """Write a segment as a producer does, and accept it."""
        segments.incoming(self.home).mkdir(parents=True, exist_ok=True)
        (segments.incoming(self.home) / name).write_bytes(content)
        segments.accept(self.home, name)

    def close(self) -> None:
        """Close writer and environment."""
        self.writer.close()
        self.environment.close()


@pytest.fixture
def store_home(tmp_path: Path) -> Path:
    """Give the folder of a home that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def store(store_home: Path) -> Iterator[Store]:
    """Give an open store under `process`."""
    opened = Store(store_home)
    yield opened
    opened.close()


@pytest.fixture
def reopen() -> Iterator[Callable[..., Store]]:
    """Give a function that opens a store; what it opened is closed at the end."""
    made: list[Store] = []

    def open_store(home: Path, durability: Durability = Durability.PROCESS) -> Store:
        made.append(Store(home, durability))
        return made[-1]

    yield open_store
    for one in made:
        one.close()
