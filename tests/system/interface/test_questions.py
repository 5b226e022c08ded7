"""status, info, kill, delete: what is known of jobs."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


def talk(x: int) -> int:
    print("to stdout", x)
    print("to stderr", x, file=sys.stderr)
    return x


def hold(path: str) -> None:
    print("begun", flush=True)
    while not Path(path).exists():
        time.sleep(0.005)


def fail() -> None:
    raise ValueError("no")


def _until(cloud: ModuleType, jid: int, status: str) -> None:
    deadline = time.monotonic() + FAST
    while cloud.status(jid) != status:
        assert time.monotonic() < deadline, cloud.status(jid)
        time.sleep(0.01)


def test_the_default_keys(cloud: ModuleType) -> None:
    jid = cloud.call(talk, 1)
    cloud.join(jid, timeout=FAST)
    found = cloud.info(jid)
    assert set(found) == {jid}
    assert set(found[jid]) == {"stdout", "stderr", "status", "runtime"}
    assert found[jid]["stdout"] == "to stdout 1\n"
    assert found[jid]["stderr"] == "to stderr 1\n"
    assert found[jid]["status"] == "done"
    assert 0 < found[jid]["runtime"] < FAST


def test_several_jobs(cloud: ModuleType) -> None:
    jids = cloud.map(talk, range(5))
    cloud.join(jids, timeout=FAST)
    found = cloud.info([jids[3:], jids[0]], "stdout")
    assert found == {jids[i]: {"stdout": f"to stdout {i}\n"} for i in (3, 4, 0)}


def test_moments_of_a_job(cloud: ModuleType) -> None:
    before = datetime.now()  # noqa: DTZ005 - local, as info's
    jid = cloud.call(time.sleep, 0.1)
    cloud.join(jid, timeout=FAST)
    facts = cloud.info(jid, ["created", "started", "finished", "runtime"])[jid]
    slack = timedelta(seconds=0.05)
    assert before - slack <= facts["created"] <= facts["started"] + slack
    assert facts["finished"] - facts["started"] >= timedelta(seconds=0.09)
    assert facts["runtime"] >= 0.09


def test_everything(cloud: ModuleType) -> None:
    jid = cloud.call(talk, 5, _label="x", _priority=2)
    cloud.join(jid, timeout=FAST)
    facts = cloud.info(jid, "all")[jid]
    assert facts["args"] == (5,)
    assert facts["kwargs"] == {}
    assert facts["func_object"] is talk
    assert facts["function"] == f"{__name__}.talk at {__file__}:{talk.__code__.co_firstlineno}"
    assert facts["label"] == "x"
    assert facts["priority"] == 2
    assert facts["exception"] is None
    assert facts["attributes"]["core_type"] == "c1"
    assert facts["interpreter"] == sys.executable
    assert facts["attempt"] == 1
    assert facts["logging"] == facts["pilog"] == facts["env"] == facts["profile"] == ""
    assert facts["vol"] == []


def test_arguments_of_a_map_item(cloud: ModuleType) -> None:
    jids = cloud.map(lambda *a: a, [1, 2], ["ab"] * 2)
    cloud.join(jids, timeout=FAST)
    assert cloud.info(jids, "args") == {jids[0]: {"args": (1, "ab")}, jids[1]: {"args": (2, "ab")}}


def test_a_failure(cloud: ModuleType) -> None:
    jid = cloud.call(fail)
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    facts = cloud.info(jid, ["exception", "cause", "status"])[jid]
    assert facts["exception"].startswith("Traceback (most recent call last):")
    assert facts["exception"].rstrip().endswith("ValueError: no")
    assert facts["cause"] == "exception"
    assert facts["status"] == "error"


def test_a_running_job(cloud: ModuleType, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    jid = cloud.call(hold, str(gate))
    _until(cloud, jid, "processing")
    deadline = time.monotonic() + FAST
    while (facts := cloud.info(jid)[jid])["stdout"] != "begun\n":
        assert time.monotonic() < deadline, facts
        time.sleep(0.01)
    assert facts["status"] == "processing"
    assert facts["runtime"] >= 0
    assert cloud.info(jid, "finished")[jid]["finished"] is None
    with pytest.raises(cloud.CloudException) as caught:
        cloud.delete(jid)
    assert caught.value.code == "job.unfinished"
    gate.write_text("")
    cloud.join(jid, timeout=FAST)


def test_kill_a_running_job(cloud: ModuleType, tmp_path: Path) -> None:
    jid = cloud.call(hold, str(tmp_path / "never"))
    _until(cloud, jid, "processing")
    assert cloud.kill(jid) is None
    with pytest.raises(cloud.CloudException, match="Job terminated by user") as caught:
        cloud.result(jid, timeout=FAST)
    assert caught.value.status == "killed"
    assert cloud.status(jid) == "killed"
    assert cloud.info(jid, "cause")[jid]["cause"] == "killed-by-user"


def test_kill_what_waits(cloud: ModuleType, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    running = cloud.call(hold, str(gate))
    waiting = cloud.map(talk, range(5), _depends_on=running)
    assert set(cloud.status(waiting)) == {"waiting"}
    cloud.kill(waiting[1:3])
    assert cloud.status(waiting) == ["waiting", "killed", "killed", "waiting", "waiting"]
    with pytest.raises(cloud.CloudException, match=r": Killed$"):
        cloud.result(waiting[1], timeout=FAST)
    gate.write_text("")
    assert [type(value) for value in cloud.result(waiting, timeout=FAST, ignore_errors=True)].count(int) == 3


def test_kill_everything(cloud: ModuleType, tmp_path: Path) -> None:
    jids = [cloud.call(hold, str(tmp_path / "never")) for _ in range(4)]
    done = cloud.call(talk, 1, _priority=1)
    cloud.kill([])
    cloud.kill()
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    assert cloud.status(jids) == ["killed"] * 4
    cloud.kill(jids)
    assert cloud.status(jids) == ["killed"] * 4
    cloud.join(done, timeout=FAST, ignore_errors=True)


@pytest.mark.parametrize("ask", ["status", "result", "info", "join", "kill", "delete"])
def test_after_deletion(cloud: ModuleType, ask: str) -> None:
    jids = cloud.map(talk, range(4))
    cloud.join(jids, timeout=FAST)
    assert cloud.delete(jids[1]) is None
    with pytest.raises(cloud.CloudException, match=f"^Job {jids[1]}: Does not exist"):
        getattr(cloud, ask)(jids[1])
    assert cloud.result([jids[0], jids[2]]) == [0, 2]


def test_a_result_that_came_with_the_call_is_deleted_too(cloud: ModuleType) -> None:
    jid = cloud.call(abs, -1)
    cloud.join(jid, timeout=FAST)
    cloud.delete(jid)
    with pytest.raises(cloud.CloudException, match="Does not exist"):
        cloud.result(jid)


def test_status_is_plain_text(cloud: ModuleType) -> None:
    jids = cloud.map(talk, range(3))
    cloud.join(jids, timeout=FAST)
    statuses: Any = cloud.status(jids)
    assert statuses == ["done"] * 3
    assert type(statuses[0]) is str
    assert cloud.status(jids[0]) == "done"


def test_connection_info(cloud: ModuleType) -> None:
    assert cloud.connection_info() == {"opened": False, "connection_type": "local"}
    cloud.join(cloud.call(talk, 1), timeout=FAST)
    facts = cloud.connection_info()
    assert facts["opened"] is True
    assert facts["connection_type"] == "local"
    assert facts["home"] == cloud.getconfigpath()
    assert facts["durability"] == "process"
    assert facts["num_procs"] == len(facts["cpus"]) > 0
    assert facts["version"] == cloud.__version__
