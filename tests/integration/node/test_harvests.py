"""What workers have finished becomes records: in the store with the commit, large results and output with their files."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.model import arguments, job, outcome
from picloud.model.array import JobArray, JobOptions
from picloud.model.outcome import RowFlag
from picloud.model.settings import Durability
from picloud.node.commit import Committer
from picloud.node.harvests import Harvester
from picloud.node.home import Home, prepare
from picloud.node.live import LiveArray
from picloud.node.pools import pool_of
from picloud.store.environment import Environment
from picloud.store.keys import FileKind
from picloud.store.tables import Tables
from picloud.store.writer import Writer

from .conftest import context
from .peer import Peer, chunk_of


class Setting:
    """A real store with one array of five items in it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.loop = asyncio.new_event_loop()
        self.environment = Environment.open(home.path, Durability.PROCESS)
        self.committer = Committer(self.loop, Writer(self.environment), Durability.PROCESS, self.fail)
        self.tables = Tables(self.environment)
        self.harvester = Harvester(home.path, self.committer, "generation")
        array = JobArray(1, 5, "client", 1, "ab" * 20, "cd" * 20, "f", True, 0.0, None, "host", JobOptions())
        self.live = LiveArray(array, pool_of(context(), "local", "c1", 1), bytearray(5))
        self.committer.batch.put_array(array)
        self.committer.batch.put_arguments(1, 0, arguments.encode_items([b"x"] * 5))

    def fail(self, error: BaseException) -> None:
        """End the test: a commit failed."""
        raise error

    def commit(self) -> None:
        """Run the loop until all is kept."""

        async def wait() -> None:
            while not self.committer.clean:
                await asyncio.sleep(0)

        self.loop.run_until_complete(asyncio.wait_for(wait(), 10))


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    made = Setting(prepare(tmp_path))
    yield made
    made.commit()
    made.committer.finish()
    made.environment.close()
    made.loop.close()


def test_ends_are_stored_as_the_worker_wrote_them(setting: Setting, peer: Peer) -> None:
    assert setting.harvester.take(peer.worker, setting.live) is None
    peer.begin(chunk_of(3, first=1, start=1))
    peer.end(0, b"first")
    peer.end(1, b"second", status=job.ERROR, meta={"exception": "no"})
    harvest = setting.harvester.take(peer.worker, setting.live)
    assert harvest is not None
    assert (harvest.start, harvest.codes) == (1, bytes((job.DONE, job.ERROR)))
    assert setting.tables.statuses(1, 5) == bytes(5)
    setting.commit()
    assert setting.tables.statuses(1, 5) == bytes((0, job.DONE, job.ERROR, 0, 0))
    ((at, record),) = setting.tables.ends(1, 0, 5)
    ends = outcome.decode(record)
    assert (at, ends.count, ends.worker, ends.attempt) == (1, 2, 7, 1)
    assert ends.meta(ends.row(1)) == {"exception": "no"}
    assert setting.harvester.take(peer.worker, setting.live) is None


def test_a_result_in_a_segment_gets_its_place_before_the_record_names_it(setting: Setting, peer: Peer) -> None:
    name = uuid.uuid4().hex
    (setting.home.incoming / name).write_bytes(b"large")
    peer.begin(chunk_of(2, first=1, start=0))
    peer.end(0, b"small")
    peer.end(1, name.encode(), flags=RowFlag.RESULT_SEGMENT)
    setting.harvester.take(peer.worker, setting.live)
    assert (setting.home.segments / name).read_bytes() == b"large"
    setting.commit()
    assert setting.tables.names_file(FileKind.SEGMENT, name)


def test_spools_are_kept_for_as_long_as_the_array(setting: Setting, peer: Peer) -> None:
    for stream in ("out", "err"):
        (setting.home.spool / f"generation-7.{stream}").touch()
    peer.begin(chunk_of(2, first=1, start=0))
    peer.end(0, b"", meta={"out": "short"})
    setting.harvester.take(peer.worker, setting.live)
    setting.commit()
    assert not setting.tables.names_file(FileKind.SPOOL, "generation-7.out")
    peer.end(1, b"", flags=RowFlag.SPOOLED, meta={"out": [0, 5000], "spool": "generation-7"})
    setting.harvester.take(peer.worker, setting.live)
    setting.commit()
    assert setting.tables.names_file(FileKind.SPOOL, "generation-7.out")
    assert setting.tables.names_file(FileKind.SPOOL, "generation-7.err")
    assert setting.live.spooled == {"generation-7.out", "generation-7.err"}
