"""Reading a store whose node does not run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import cloud
from picloud.cli.offline import LockedHome, Offline
from picloud.exceptions import HomeError, NodeError, UnfinishedJobError
from picloud.model import job
from picloud.model.settings import Settings
from picloud.testing.node import running_node


def _offline(home: Path) -> Offline:
    return Offline(home, Settings())


def test_a_home_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="There is no home at"):
        _offline(tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


def test_a_home_without_a_store(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(HomeError):
            _offline(tmp_path)
    assert not (tmp_path / "store").exists()


def test_only_one_reads_or_runs(own_home: Path) -> None:
    with running_node(own_home), pytest.raises(NodeError, match="A node runs on"):
        _offline(own_home)
    with LockedHome(own_home), pytest.raises(NodeError, match="A node runs on"):
        _offline(own_home)
    with _offline(own_home) as source:
        assert list(source.newest_first()) == []


def test_jobs_whose_node_died(own_home: Path) -> None:
    """What ran is queued again; what depends on it waits; what had ended is there."""
    with running_node(own_home) as node:
        done = cloud.call(abs, -1)
        cloud.join(done)
        running = cloud.call(time.sleep, 100)
        waiting = cloud.call(abs, -1, _depends_on=running)
        other = cloud.call(abs, -1, _depends_on=done, _priority=10)
        cloud.join(other)
        deadline = time.monotonic() + 10
        while cloud.status(running) != "processing":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        cloud.close()
        node.process.kill()
        node.process.wait()
    with _offline(own_home) as source:
        codes = source.statuses([(done, other + 1)])
        assert list(codes) == [job.DONE, job.QUEUED, job.WAITING, job.DONE]
        facts = source.info([(done, other + 1)], ["status"])
        assert [facts[jid]["status"] for jid in range(done, other + 1)] == ["done", "queued", "waiting", "done"]
        assert source.results([(done, done + 1)], None, ignore_errors=False) == [1]
        with pytest.raises(UnfinishedJobError) as caught:
            source.results([(done, waiting + 1)], None, ignore_errors=True)
        assert caught.value.jid == running


def test_reading_changes_nothing(own_home: Path) -> None:
    with running_node(own_home):
        cloud.join(cloud.map(bytes, [10, 1_000_000]))
        cloud.close()
    before = _contents(own_home)
    with _offline(own_home) as source:
        assert [len(value) for value in source.results([(1, 3)], None, ignore_errors=False)] == [10, 1_000_000]
        source.info([(1, 3)], ["args", "stdout"])
    with LockedHome(own_home) as locked:
        assert locked.check().ok
    assert _contents(own_home) == before


def _contents(home: Path) -> dict[str, bytes]:
    """Return all files but LMDB's table of readers."""
    files = (path for path in home.rglob("*") if path.is_file() and path.name != "lock.mdb")
    return {str(path.relative_to(home)): path.read_bytes() for path in files}


def test_a_backup_without_a_node(own_home: Path, tmp_path: Path) -> None:
    with running_node(own_home):
        cloud.join(cloud.map(bytes, [10, 1_000_000]))
        cloud.close()
    with LockedHome(own_home) as locked:
        made = locked.backup(tmp_path / "saved", Settings())
    assert made.files == 1
    with _offline(tmp_path / "saved") as source:
        assert list(source.statuses([(1, 3)])) == [job.DONE] * 2
