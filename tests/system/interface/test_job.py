"""cloud.job: what a job knows and says of itself, read while it runs and after its end, however it ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + FAST
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


def who(_number: int = 0) -> tuple[int, int, str]:
    import cloud

    return cloud.job.id(), cloud.job.attempt(), cloud.job.label()


def work(path: str, end: str = "") -> str:
    """Say something, wait, and end in some way."""
    import os

    import cloud

    cloud.job.log("begun")
    for step in range(4):
        cloud.job.progress(step, 10, f"step {step}")
    while not Path(path).exists():
        time.sleep(0.005)
    cloud.job.progress(4, 10, "through")
    cloud.job.log("through")
    if end == "raise":
        raise ValueError("no")
    if end == "exit":
        os._exit(3)
    return end


def said(cloud: ModuleType, jid: int) -> dict[str, Any]:
    facts: dict[str, Any] = cloud.info(jid, ["progress", "log"])[jid]
    return facts


def test_a_job_knows_its_id_attempt_and_label(cloud: ModuleType) -> None:
    jid = cloud.call(who, _label="night")
    assert cloud.result(jid, timeout=FAST) == (jid, 1, "night")
    jids = cloud.map(who, range(100))
    assert cloud.result(jids, timeout=FAST) == [(jid, 1, "") for jid in jids]


def test_a_job_that_says_nothing(cloud: ModuleType) -> None:
    jid = cloud.call(abs, -1)
    cloud.join(jid, timeout=FAST)
    assert said(cloud, jid) == {"progress": None, "log": ""}


def test_the_last_word_is_there_while_the_job_runs_and_after_its_end(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(work, str(gate))
    until(lambda: said(cloud, jid)["progress"] == {"done": 3, "total": 10, "note": "step 3"}, "its progress")
    assert said(cloud, jid)["log"] == "begun\n"
    gate.write_text("")
    cloud.join(jid, timeout=FAST)
    through = {"progress": {"done": 4, "total": 10, "note": "through"}, "log": "begun\nthrough\n"}
    assert said(cloud, jid) == through
    cloud.close()
    assert said(cloud, jid) == through


@pytest.mark.parametrize("end", ["raise", "exit"])
def test_a_job_that_ends_badly_has_said_what_it_said(cloud: ModuleType, gate: Path, end: str) -> None:
    """Also where its process ended without a word: the node reads it out of the memory that they share."""
    gate.write_text("")
    jid = cloud.call(work, str(gate), end)
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    assert cloud.status(jid) == "error"
    assert said(cloud, jid) == {
        "progress": {"done": 4, "total": 10, "note": "through"},
        "log": "begun\nthrough\n",
    }


def test_a_killed_job_too(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(work, str(gate))
    until(lambda: said(cloud, jid)["progress"], "its progress")
    cloud.kill(jid)
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    assert said(cloud, jid) == {"progress": {"done": 3, "total": 10, "note": "step 3"}, "log": "begun\n"}


def test_items_of_a_map_have_their_own(cloud: ModuleType) -> None:
    def say(number: int) -> None:
        import cloud

        if number % 2:
            cloud.job.progress(number)
            cloud.job.log(f"I am {number}")

    jids = cloud.map(say, range(200))
    cloud.join(jids, timeout=FAST)
    found = cloud.info(jids, ["progress", "log"])
    assert [found[jid]["progress"] and found[jid]["progress"]["done"] for jid in jids] == [
        number if number % 2 else None for number in range(200)
    ]
    assert [found[jid]["log"] for jid in jids] == [f"I am {number}\n" if number % 2 else "" for number in range(200)]


def test_threads_of_a_job_may_speak_for_it(cloud: ModuleType) -> None:
    def talk() -> None:
        import threading

        import cloud

        threads = [threading.Thread(target=cloud.job.log, args=(f"{n:04}",)) for n in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    jid = cloud.call(talk)
    cloud.join(jid, timeout=FAST)
    assert sorted(said(cloud, jid)["log"].split()) == [f"{n:04}" for n in range(50)]


def test_it_is_cheap(cloud: ModuleType) -> None:
    def count() -> float:
        from time import perf_counter

        import cloud

        began = perf_counter()
        for step in range(20_000):
            cloud.job.progress(step, 20_000)
        return (perf_counter() - began) / 20_000

    jid = cloud.call(count)
    assert cloud.result(jid, timeout=FAST) < 0.0005
    assert said(cloud, jid)["progress"]["done"] == 19_999


def test_a_process_that_the_job_forked_or_started_is_told_where_it_works(cloud: ModuleType) -> None:
    def fork() -> list[str]:
        import os

        import cloud

        reader, writer = os.pipe()
        if not os.fork():
            try:
                cloud.job.progress(1)
            except cloud.CloudException as error:
                os.write(writer, str(error.parameter).encode())
            os._exit(0)
        os.wait()
        program = "import cloud; print(cloud.running_on_cloud()); cloud.job.id()"
        started = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        return [os.read(reader, 1000).decode(), started.stdout + started.stderr.splitlines()[-2]]

    forked, started = cloud.result(cloud.call(fork), timeout=FAST)
    assert forked == "A process that a job forked cannot speak for the job"
    assert started.startswith("True\n")
    assert "cloud.job.id() was called, and no job runs in this process" in started


def test_outside_of_jobs(cloud: ModuleType) -> None:
    with pytest.raises(cloud.CloudException, match="no job runs in this process"):
        cloud.job.id()
    assert "job" in dir(cloud)
