"""What workers have finished becomes records: in the store with the commit, large results and output with their files."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.model import job, outcome
from picloud.model.array import JobOptions
from picloud.model.outcome import RowFlag
from picloud.node.harvests import Harvester
from picloud.node.home import prepare
from picloud.node.pools import pool_of
from picloud.store.keys import FileKind

from .conftest import context
from .peer import Peer, chunk_of
from .stored import StoredArray


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[StoredArray]:
    made = StoredArray(prepare(tmp_path), JobOptions(), pool_of(context(), "local", "c1", 1))
    yield made
    made.close()


@pytest.fixture
def harvester(stored: StoredArray) -> Harvester:
    return Harvester(stored.home.path, stored.committer, "generation")


def test_ends_are_stored_as_the_worker_wrote_them(stored: StoredArray, harvester: Harvester, peer: Peer) -> None:
    assert harvester.take(peer.worker, stored.live) is None
    peer.begin(chunk_of(3, first=1, start=1))
    peer.end(0, b"first")
    peer.end(1, b"second", status=job.ERROR, meta={"exception": "no"})
    harvest = harvester.take(peer.worker, stored.live)
    assert harvest is not None
    assert (harvest.start, harvest.codes) == (1, bytes((job.DONE, job.ERROR)))
    assert stored.tables.statuses(1, 5) == bytes(5)
    stored.commit()
    assert stored.tables.statuses(1, 5) == bytes((0, job.DONE, job.ERROR, 0, 0))
    ((at, record),) = stored.tables.ends(1, 0, 5)
    ends = outcome.decode(record)
    assert (at, ends.count, ends.worker, ends.attempt) == (1, 2, 7, 1)
    assert ends.meta(ends.row(1)) == {"exception": "no"}
    assert harvester.take(peer.worker, stored.live) is None


def test_a_result_in_a_segment_gets_its_place_before_the_record_names_it(
    stored: StoredArray, harvester: Harvester, peer: Peer
) -> None:
    name = uuid.uuid4().hex
    (stored.home.incoming / name).write_bytes(b"large")
    peer.begin(chunk_of(2, first=1, start=0))
    peer.end(0, b"small")
    peer.end(1, name.encode(), flags=RowFlag.RESULT_SEGMENT)
    harvester.take(peer.worker, stored.live)
    assert (stored.home.segments / name).read_bytes() == b"large"
    stored.commit()
    assert stored.tables.names_file(FileKind.SEGMENT, name)


def test_spools_are_kept_for_as_long_as_the_array(stored: StoredArray, harvester: Harvester, peer: Peer) -> None:
    for stream in ("out", "err"):
        (stored.home.spool / f"generation-7.{stream}").touch()
    peer.begin(chunk_of(2, first=1, start=0))
    peer.end(0, b"", meta={"out": "short"})
    harvester.take(peer.worker, stored.live)
    stored.commit()
    assert not stored.tables.names_file(FileKind.SPOOL, "generation-7.out")
    peer.end(1, b"", flags=RowFlag.SPOOLED, meta={"out": [0, 5000], "spool": "generation-7"})
    harvester.take(peer.worker, stored.live)
    stored.commit()
    assert stored.tables.names_file(FileKind.SPOOL, "generation-7.out")
    assert stored.tables.names_file(FileKind.SPOOL, "generation-7.err")
    assert stored.live.spooled == {"generation-7.out", "generation-7.err"}
