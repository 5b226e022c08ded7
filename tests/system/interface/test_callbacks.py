"""Callbacks: who is called, with what, how soon, from where; and what is left of it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


def fail() -> None:
    raise ValueError("no")


def wait_for(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.005)


def stamp(path: str) -> float:
    """Return the moment at which a job ends."""
    wait_for(path)
    return time.time()


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + FAST
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.002)


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "picloud-callbacks"]


def test_a_done_job_calls_its_callback_with_the_jid(cloud: ModuleType) -> None:
    good: list[int] = []
    bad: list[int] = []
    jid = cloud.call(abs, -1, _callback=good.append, _callback_on_error=bad.append)
    until(lambda: good, "the callback")
    assert (good, bad) == ([jid], [])
    assert cloud.result(jid, timeout=FAST) == 1


def test_an_error_calls_the_other_one(cloud: ModuleType) -> None:
    good: list[int] = []
    bad: list[int] = []
    jid = cloud.call(fail, _callback=good.append, _callback_on_error=bad.append)
    until(lambda: bad, "the callback")
    assert (good, bad) == ([], [jid])


def test_killed_and_stalled_jobs_call_it_too(cloud: ModuleType, gate: Path) -> None:
    bad: list[int] = []
    running = cloud.call(wait_for, str(gate), _callback_on_error=bad.append)
    stalled = cloud.call(abs, -1, _depends_on=running, _callback_on_error=bad.append)
    cloud.kill(running)
    until(lambda: len(bad) == 2, "both callbacks")
    assert sorted(bad) == [running, stalled]
    assert cloud.status([running, stalled]) == ["killed", "stalled"]


def test_several_are_called_from_left_to_right(cloud: ModuleType) -> None:
    order: list[Any] = []
    jid = cloud.call(
        abs,
        -1,
        _callback=[
            lambda: order.append("nothing"),
            order.append,
            partial(order.append, "partial"),
            lambda *args: order.append(args),
        ],
    )
    until(lambda: len(order) == 4, "all callbacks")
    assert order == ["nothing", jid, "partial", (jid,)]


def test_a_job_that_has_ended_already_is_called_back_as_well(cloud: ModuleType) -> None:
    """Right after a result, the next call's answer brings its result along."""
    called: list[int] = []
    jids = []
    for _ in range(20):
        cloud.result(cloud.call(abs, -1), timeout=FAST)
        jids.append(cloud.call(abs, -2, _callback=called.append))
    until(lambda: len(called) == 20, "20 callbacks")
    assert sorted(called) == jids


def test_an_exception_is_logged_and_harms_no_other(cloud: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    called: list[int] = []

    def broken(jid: int) -> None:
        raise KeyError(f"callback of {jid}")

    with caplog.at_level(logging.ERROR, "Cloud"):
        first = cloud.call(abs, -1, _callback=[broken, sys.exit, called.append])
        until(lambda: called, "the callback behind the broken one")
        second = cloud.call(abs, -1, _callback=called.append)
        until(lambda: len(called) == 2, "the other job's callback")
    assert called == [first, second]
    records = [record for record in caplog.records if record.name == "Cloud"]
    assert [record.exc_info[0] for record in records if record.exc_info] == [KeyError, SystemExit]
    assert "broken of job" in records[0].getMessage()
    assert str(first) in records[0].getMessage()


def test_within_a_tenth_of_a_second(cloud: ModuleType, gate: Path) -> None:
    moments: dict[int, float] = {}
    jids = [
        cloud.call(stamp, str(gate), _callback=lambda jid: moments.update({jid: time.time()}), _label="quick")
        for _ in range(8)
    ]
    gate.write_text("")
    until(lambda: len(moments) == 8, "all callbacks")
    late = [moments[jid] - ended for jid, ended in zip(jids, cloud.result(jids, timeout=FAST), strict=True)]
    assert sorted(late)[len(late) // 2] < 0.1, late


def test_one_thread_and_one_connection_for_all_and_none_afterwards(cloud: ModuleType, gate: Path) -> None:
    def sockets() -> int:
        links = [Path(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
        return sum(str(link.readlink()).startswith("socket:") for link in links if link.is_symlink())

    cloud.result(cloud.call(abs, -1), timeout=FAST)
    assert watchers() == []
    before = sockets()
    called: list[int] = []
    jids = [cloud.call(wait_for, str(gate), _callback=called.append) for _ in range(100)]
    (watcher,) = watchers()
    assert watcher.daemon
    until(lambda: sockets() == before + 1, "one more connection")
    gate.write_text("")
    until(lambda: len(called) == 100, "all callbacks")
    assert sorted(called) == jids
    until(lambda: not watcher.is_alive() and sockets() == before, "the end of the thread")


def test_a_job_that_comes_while_others_are_waited_for_is_noticed_at_once(cloud: ModuleType, gate: Path) -> None:
    called: list[int] = []
    cloud.call(wait_for, str(gate), _callback=called.append)
    quick = cloud.call(abs, -1, _callback=called.append)
    until(lambda: called, "the quick one's callback")
    assert called == [quick]


def _has(called: list[int], count: int) -> bool:
    return len(called) == count


def test_a_thread_that_ends_and_one_that_begins_do_not_meet(cloud: ModuleType) -> None:
    """The next job comes at the very moment at which nothing is pending any more."""
    called: list[int] = []
    jids: list[int] = []
    for count in range(2, 302, 2):
        jids += [cloud.call(abs, -1, _callback=called.append) for _ in range(2)]
        until(partial(_has, called, count), "both callbacks")
    assert sorted(called) == jids


def test_many_threads_call(cloud: ModuleType) -> None:
    called: list[int] = []
    jids: list[int] = []

    def call() -> None:
        jids.extend(cloud.call(abs, -1, _callback=called.append) for _ in range(20))

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: len(called) == 320, "all callbacks")
    assert sorted(called) == sorted(jids)


def test_a_callback_may_use_cloud(cloud: ModuleType) -> None:
    found: list[Any] = []

    def follow(jid: int) -> None:
        value = cloud.result(jid, timeout=FAST)
        if value < 5:
            cloud.call(lambda: value + 1, _callback=follow)
        found.append(value)

    cloud.call(lambda: 0, _callback=follow)
    until(lambda: len(found) == 6, "the chain of callbacks")
    assert found == list(range(6))


def test_nothing_is_left_after_close(cloud: ModuleType, gate: Path) -> None:
    called: list[int] = []
    jid = cloud.call(wait_for, str(gate), _callback=called.append)
    cloud.close()
    assert watchers() == []
    gate.write_text("")
    cloud.join(jid, timeout=FAST)
    again = cloud.call(abs, -1, _callback=called.append)
    until(lambda: called, "the new callback")
    assert called == [again]


def test_a_callback_may_close(cloud: ModuleType) -> None:
    closed: list[bool] = []
    cloud.call(abs, -1, _callback=lambda: closed.append(cloud.close()))
    until(lambda: closed, "the callback")
    assert closed == [True]
    until(lambda: not watchers(), "the end of the thread")


def test_nothing_is_submitted_where_a_callback_cannot_be_called(cloud: ModuleType) -> None:
    before = cloud.call(abs, -1)
    with pytest.raises(TypeError, match=r"^All callbacks must be callable$") as caught:
        cloud.call(abs, -1, _callback=[print, "print"])
    assert isinstance(caught.value, cloud.CloudException)
    assert cloud.call(abs, -1) == before + 1


def test_callbacks_survive_their_node(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The thread finds the node gone, reaches the next one, and names what it waits for anew."""
    import cloud

    cloud.config.commit()
    called: list[int] = []
    jid = cloud.call(wait_for, str(tmp_path / "gate"), _callback=called.append)
    until(lambda: cloud.status(jid) == "processing", "its start")
    os.kill(cloud.connection_info()["pid"], 9)
    (tmp_path / "gate").write_text("")
    until(lambda: called, "the callback")
    assert called == [jid]
    cloud.close()
    monkeypatch.undo()


def test_mp_has_callbacks(home: Path) -> None:
    import cloud

    called: list[int] = []
    try:
        jid = cloud.mp.call(abs, -1, _callback=called.append)
        until(lambda: called, "the callback")
        assert called == [jid]
        cloud.mp.call(time.sleep, 100, _callback=called.append)
    finally:
        cloud.mp.close()
    assert watchers() == []


PROGRAM = """
import os, sys, time
import cloud
cloud.start_simulator()
def wait():
    while not os.path.exists({gate!r}): time.sleep(0.005)
jid = cloud.call(wait, _callback=lambda: print('called', os.getpid() == parent, flush=True))
parent = os.getpid()
"""


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise KeyboardInterrupt"])
def test_pending_callbacks_are_dropped_when_the_program_ends(tmp_path: Path, home: Path, end: str) -> None:
    began = time.monotonic()
    done = _run(PROGRAM.format(gate=str(tmp_path / "gate")) + end)
    assert time.monotonic() - began < FAST
    assert done.stdout == ""
    assert "picloud-callbacks" not in done.stderr
    assert "Cloud" not in done.stderr


def test_a_program_does_not_wait_for_a_callback_that_runs(home: Path) -> None:
    began = time.monotonic()
    done = _run(
        "import cloud, threading, time\n"
        "cloud.start_simulator()\n"
        "begun = threading.Event()\n"
        "cloud.call(abs, -1, _callback=lambda: (begun.set(), time.sleep(1000)))\n"
        "begun.wait(40)\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 40


def test_a_forked_child_has_none_of_its_parents_callbacks(tmp_path: Path, home: Path) -> None:
    gate = tmp_path / "gate"
    done = _run(
        PROGRAM.format(gate=str(gate)) + "child = os.fork()\n"
        "if not child:\n"
        "    import threading\n"
        "    assert threading.active_count() == 1\n"
        "    called = []\n"
        "    own = cloud.call(abs, -1, _callback=called.append)\n"
        "    while not called: time.sleep(0.005)\n"
        "    assert called == [own]\n"
        f"    open({str(gate)!r}, 'w').close()\n"
        "    cloud.join(jid, timeout=30)\n"
        "    os._exit(7)\n"
        "status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "cloud.join(jid, timeout=30)\n"
        "time.sleep(0.2)\n"
        "print(status, flush=True)\n"
    )
    assert sorted(done.stdout.splitlines()) == ["7", "called True"], done.stderr


def test_a_callback_that_forks(home: Path) -> None:
    """The child goes on in a copy of the thread: it ends there, quietly."""
    done = _run(
        "import cloud, os, time\n"
        "cloud.start_simulator()\n"
        "parent, children = os.getpid(), []\n"
        "def fork():\n"
        "    child = os.fork()\n"
        "    if child: children.append(child)\n"
        "cloud.call(abs, -1, _callback=fork)\n"
        "while not children: time.sleep(0.005)\n"
        "if os.getpid() == parent: print(os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]))\n"
    )
    assert done.stdout == "0\n", done.stderr
    assert "Error" not in done.stderr


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=55, check=False
    )
