"""kill and delete: of one job, parts of a map, everything, nothing; of what has ended, not ended, never been."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


def hold(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.005)
    return "through"


def same(x: Any) -> Any:
    return x


def fail() -> None:
    raise ValueError("no")


def _ended(cloud: ModuleType, jids: Any) -> Any:
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    return jids


def _elsewhere(statement: str) -> None:
    """Do something in another process."""
    subprocess.run([sys.executable, "-c", f"import cloud; {statement}"], check=True, timeout=FAST)


# --- kill ----------------------------------------------------------------------------------------------------------------


def test_a_running_job(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    cloud.wait_for.status(jid, "processing", timeout=FAST)
    assert cloud.kill(jid) is None
    assert cloud.status(_ended(cloud, jid)) == "killed"


def test_jobs_that_have_not_begun_are_killed_at_once(cloud: ModuleType, gate: Path) -> None:
    """Here their dependency runs, and all CPUs are taken."""
    running = cloud.map(hold, [str(gate)] * 2)
    waiting, queued = cloud.call(same, 1, _depends_on=running), cloud.call(same, 2)
    assert cloud.status([waiting, queued]) == ["waiting", "queued"]
    cloud.kill([waiting, queued])
    assert cloud.status([waiting, queued]) == ["killed", "killed"]
    with pytest.raises(cloud.CloudException, match=f"^Job {waiting}: Killed$"):
        cloud.result(waiting, timeout=FAST)


@pytest.mark.parametrize("part", [slice(3, 6), slice(0, 10, 3), slice(9, 10)])
def test_a_part_of_a_map(cloud: ModuleType, gate: Path, part: slice) -> None:
    running = cloud.map(hold, [str(gate)] * 2)
    jids = cloud.map(same, range(10), _depends_on=running)
    cloud.kill(jids[part])
    gate.touch()
    values = cloud.result(jids, timeout=FAST, ignore_errors=True)
    gone = set(range(10)[part])
    assert [number for number, value in enumerate(values) if value != number] == sorted(gone)
    assert cloud.status(jids) == ["killed" if number in gone else "done" for number in range(10)]


def test_dependents_of_a_killed_job_are_stalled(cloud: ModuleType, gate: Path) -> None:
    running = cloud.call(hold, str(gate))
    near = cloud.call(same, 1, _depends_on=running)
    far = cloud.call(same, 1, _depends_on=near)
    cloud.kill(near)
    assert cloud.status([running, near, far])[1:] == ["killed", "stalled"]


def test_nothing_at_all(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    nothing: list[Any] = [[], (), range(0), iter(()), [range(3, 3)]]
    for jids in nothing:
        assert cloud.kill(jids) is None
    gate.touch()
    assert cloud.result(jid, timeout=FAST) == "through"


@pytest.mark.parametrize("arguments", [(), (None,)])
def test_everything(cloud: ModuleType, gate: Path, arguments: tuple[None, ...]) -> None:
    done, failed = _ended(cloud, cloud.call(same, 1)), _ended(cloud, cloud.call(fail))
    running = cloud.map(hold, [str(gate)] * 2)
    queued = cloud.map(same, range(5))
    waiting = cloud.call(same, 1, _depends_on=[running, queued])
    assert cloud.kill(*arguments) is None
    _ended(cloud, [running, queued, waiting])
    assert cloud.status([done, failed]) == ["done", "error"]
    assert set(cloud.status([running, queued, waiting])) == {"killed"}
    assert cloud.result(cloud.call(same, 7), timeout=FAST) == 7


def test_everything_is_that_of_other_programs_too(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    _elsewhere("cloud.kill()")
    assert cloud.status(_ended(cloud, jid)) == "killed"


def test_finished_jobs_are_not_harmed(cloud: ModuleType, gate: Path) -> None:
    jids = [cloud.call(same, 1), cloud.call(fail)]
    jids.append(cloud.call(same, 2, _depends_on=jids[1]))
    jids.append(cloud.call(same, 3, _depends_on=cloud.call(hold, str(gate))))
    cloud.kill(jids[3])
    _ended(cloud, jids)
    before = cloud.info(jids, ["status", "exception", "cause", "finished", "runtime"])
    for each in (jids, *jids):
        assert cloud.kill(each) is None
    assert cloud.status(jids) == ["done", "error", "stalled", "killed"]
    assert cloud.info(jids, ["status", "exception", "cause", "finished", "runtime"]) == before
    assert cloud.result(jids[0]) == 1


def test_an_unknown_job_is_a_cloud_exception_and_none_is_killed(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    for unknown in (1_000_000, [jid, 1_000_000], range(jid, jid + 1000)):
        with pytest.raises(cloud.CloudException, match=r"^Job \d+: Does not exist"):
            cloud.kill(unknown)
    gate.touch()
    assert cloud.result(jid, timeout=FAST) == "through"


# --- delete --------------------------------------------------------------------------------------------------------------

ASK = ["status", "result", "info", "join", "iresult", "kill", "delete"]


def _asked(cloud: ModuleType, name: str, jids: Any) -> Any:
    found = getattr(cloud, name)(jids)
    return list(found) if name == "iresult" else found


@pytest.mark.parametrize("name", ASK)
def test_every_query_for_a_deleted_job_is_a_cloud_exception(cloud: ModuleType, name: str) -> None:
    jid = _ended(cloud, cloud.call(same, 1))
    assert cloud.delete(jid) is None
    for jids in (jid, [jid], range(jid, jid + 1)):
        with pytest.raises(cloud.CloudException, match=f"^Job {jid}: Does not exist"):
            _asked(cloud, name, jids)


def test_jobs_of_every_final_status(cloud: ModuleType, gate: Path) -> None:
    done, failed = cloud.call(same, 1), cloud.call(fail)
    stalled = cloud.call(same, 2, _depends_on=failed)
    holder = cloud.call(hold, str(gate))
    killed = cloud.call(same, 3, _depends_on=holder)
    cloud.kill(killed)
    jids = _ended(cloud, [done, failed, stalled, killed])
    assert cloud.status(jids) == ["done", "error", "stalled", "killed"]
    assert cloud.delete(jids) is None
    for jid in jids:
        with pytest.raises(cloud.CloudException):
            cloud.status(jid)


def test_a_part_of_a_map_leaves_the_rest(cloud: ModuleType) -> None:
    jids = _ended(cloud, cloud.map(same, range(10)))
    cloud.delete(jids[2:5])
    cloud.delete([jids[7], jids[9:]])
    left = [jids[:2], jids[5:7], jids[8]]
    assert cloud.result(left) == [0, 1, 5, 6, 8]
    assert cloud.status(left) == ["done"] * 5
    assert set(cloud.info(left, "args")) == {*jids[:2], *jids[5:7], jids[8]}
    with pytest.raises(cloud.CloudException, match=f"^Job {jids[2]}: Does not exist"):
        cloud.result(jids)


@pytest.mark.parametrize("state", ["processing", "queued", "waiting"])
def test_an_unfinished_job_is_a_cloud_exception_and_nothing_is_deleted(
    cloud: ModuleType, gate: Path, state: str
) -> None:
    done = _ended(cloud, cloud.call(same, 1))
    running = cloud.map(hold, [str(gate)] * 2)
    for each in running:
        cloud.wait_for.status(each, "processing", timeout=FAST)
    jid = {
        "processing": lambda: running[0],
        "queued": lambda: cloud.call(same, 2),
        "waiting": lambda: cloud.call(same, 2, _depends_on=running),
    }[state]()
    assert cloud.status(jid) == state
    for jids in (jid, [done, jid], [jid, done]):
        with pytest.raises(cloud.CloudException, match=f"^Job {jid}: Cannot be deleted before it has ended") as caught:
            cloud.delete(jids)
        assert caught.value.hint == "kill it or wait for it first"
    gate.touch()
    assert cloud.result([done, _ended(cloud, jid)], timeout=FAST)[0] == 1
    cloud.delete([done, jid])


def test_a_killed_job_can_be_deleted_once_it_has_ended(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    cloud.kill(jid)
    cloud.delete(_ended(cloud, jid))


def test_unknown_and_twice_deleted_jobs(cloud: ModuleType) -> None:
    done, gone = _ended(cloud, [cloud.call(same, 1), cloud.call(same, 2)])
    cloud.delete(gone)
    for jids, named in ((gone, gone), (1_000_000, 1_000_000), ([done, 1_000_000], 1_000_000), ([done, gone], gone)):
        with pytest.raises(cloud.CloudException, match=f"^Job {named}: Does not exist"):
            cloud.delete(jids)
    assert cloud.result(done) == 1


def test_nothing_is_deleted_by_nothing(cloud: ModuleType) -> None:
    nothing: list[Any] = [[], (), range(0), iter(())]
    for jids in nothing:
        assert cloud.delete(jids) is None
    with pytest.raises(TypeError):
        cloud.delete()
    with pytest.raises(TypeError, match=r"jid\(s\) must be integers"):
        cloud.delete(None)


def test_jids_of_deleted_jobs_are_not_given_again(cloud: ModuleType) -> None:
    jid = _ended(cloud, cloud.call(same, 1))
    cloud.delete(jid)
    assert cloud.call(same, 1) > jid


def test_what_depended_on_a_deleted_job_goes_on(cloud: ModuleType, gate: Path) -> None:
    first = _ended(cloud, cloud.call(same, 1))
    holder = cloud.call(hold, str(gate))
    then = cloud.call(same, 2, _depends_on=[first, holder])
    cloud.delete(first)
    gate.touch()
    assert cloud.result(then, timeout=FAST) == 2
