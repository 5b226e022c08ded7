"""How a job ends other than by returning: exceptions of every kind, sys.exit, os._exit, signals, kills that are not heeded."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FAST = 30


def raise_(kind: type[BaseException], *args: object) -> None:
    raise kind(*args)


def leave(status: object) -> None:
    sys.exit(status)  # type: ignore[arg-type]  # any object is a status


def kill_itself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def begin(path: str) -> None:
    Path(path).touch()


def swallow(path: str) -> str:
    """Go on as if nothing had happened."""
    begin(path)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def give_in(path: str) -> str:
    begin(path)
    try:
        time.sleep(60)
    except BaseException:
        return "a result"
    return ""


def clean_up(path: str) -> None:
    begin(path)
    try:
        time.sleep(60)
    except Exception:
        Path(path).write_text("an Exception")
    finally:
        Path(path).write_text(Path(path).read_text() + "cleaned up")


@pytest.mark.parametrize(
    "kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, BaseException, StopIteration]
)
def test_an_exception_of_any_kind_is_an_error_with_its_traceback(cloud: ModuleType, kind: type[BaseException]) -> None:
    jid = cloud.call(raise_, kind, "why")
    with pytest.raises(cloud.CloudException) as caught:
        cloud.result(jid, timeout=FAST)
    assert (caught.value.jid, caught.value.status) == (jid, "error")
    text = caught.value.parameter
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith(f"{kind.__name__}: why\n")
    assert "raise kind(*args)" in text
    assert cloud.info(jid, ["exception", "status", "cause"]) == {
        jid: {"exception": text, "status": "error", "cause": "exception"}
    }


@pytest.mark.parametrize("status", [None, 0, 3, "bye"])
def test_sys_exit_is_an_error_whatever_its_status(cloud: ModuleType, status: object) -> None:
    jid = cloud.call(leave, status)
    with pytest.raises(cloud.CloudException, match=r"Traceback(?s:.)*SystemExit") as caught:
        cloud.result(jid, timeout=FAST)
    assert caught.value.status == "error"
    assert isinstance(caught.value.__cause__, SystemExit)
    assert caught.value.__cause__.code == status


def test_sys_exit_as_a_jobs_function(cloud: ModuleType) -> None:
    with pytest.raises(cloud.CloudException, match="SystemExit: 3"):
        cloud.result(cloud.call(sys.exit, 3), timeout=FAST)


@pytest.mark.parametrize("status", [0, 3])
def test_os_exit_is_an_error_that_says_what_happened(cloud: ModuleType, status: int) -> None:
    jid = cloud.call(os._exit, status)
    with pytest.raises(
        cloud.CloudException, match=rf"^Job {jid}: The job's process ended while it ran: .* exit status {status}\."
    ) as caught:
        cloud.result(jid, timeout=FAST)
    assert "os._exit()" in str(caught.value)
    assert caught.value.status == "error"
    assert cloud.info(jid, "cause")[jid]["cause"] == f"exit {status}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_a_signal_is_an_error_that_names_it(cloud: ModuleType, number: signal.Signals) -> None:
    jid = cloud.call(kill_itself, number)
    with pytest.raises(cloud.CloudException, match=rf"was ended by {number.name}\.") as caught:
        cloud.result(jid, timeout=FAST)
    assert caught.value.status == "error"


@pytest.mark.parametrize(("function", "args"), [(os._exit, (0,)), (leave, (0,)), (kill_itself, (signal.SIGKILL,))])
def test_the_next_job_is_not_concerned(cloud: ModuleType, function: Callable[..., None], args: tuple[int, ...]) -> None:
    bad = cloud.call(function, *args)
    good = cloud.map(abs, range(-5, 0))
    assert cloud.result(good, timeout=FAST) == [5, 4, 3, 2, 1]
    cloud.join(bad, timeout=FAST, ignore_errors=True)
    assert cloud.status(bad) == "error"


def test_what_was_printed_before_is_there(cloud: ModuleType) -> None:
    def talk_and_leave() -> None:
        print("last words", flush=True)
        os._exit(3)

    jid = cloud.call(talk_and_leave)
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    assert cloud.info(jid, "stdout") == {jid: {"stdout": "last words\n"}}


def _killed(cloud: ModuleType, function: Callable[[str], object], path: Path) -> int:
    """Kill a job once it has begun, and return its jid."""
    jid: int = cloud.call(function, str(path))
    deadline = time.monotonic() + FAST
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    cloud.kill(jid)
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    assert cloud.status(jid) == "killed"
    return jid


def test_a_kill_is_an_exception_in_the_job(cloud: ModuleType, tmp_path: Path) -> None:
    """It is like Ctrl-C: what catches every Exception catches it too, and what is to be done finally is done."""
    jid = _killed(cloud, clean_up, tmp_path / "file")
    assert (tmp_path / "file").read_text().endswith("cleaned up")
    with pytest.raises(cloud.CloudException) as caught:
        cloud.result(jid)
    assert caught.value.status == "killed"


def test_a_kill_has_a_traceback(cloud: ModuleType, tmp_path: Path) -> None:
    def sleep(path: str) -> None:
        begin(path)
        time.sleep(60)

    jid = _killed(cloud, sleep, tmp_path / "file")
    text = cloud.info(jid, "exception")[jid]["exception"]
    assert text.startswith("Traceback (most recent call last):\n")
    assert "time.sleep(60)" in text
    assert text.endswith("KilledException: Job terminated by user\n")
    with pytest.raises(cloud.CloudException, match="Job terminated by user") as caught:
        cloud.join(jid)
    assert caught.value.parameter == text


def test_an_endless_loop_is_killed(cloud: ModuleType, tmp_path: Path) -> None:
    def loop(path: str) -> None:
        begin(path)
        while True:
            pass

    jid = _killed(cloud, loop, tmp_path / "file")
    assert "Job terminated by user" in cloud.info(jid, "exception")[jid]["exception"]


@pytest.mark.parametrize("function", [swallow, give_in])
def test_a_kill_that_is_not_heeded_is_one_nevertheless(
    cloud: ModuleType, tmp_path: Path, function: Callable[[str], str]
) -> None:
    jid = _killed(cloud, function, tmp_path / "file")
    assert cloud.info(jid, "exception") == {jid: {"exception": None}}
    for ask in (cloud.join, cloud.result):
        with pytest.raises(cloud.CloudException, match=f"^Job {jid}: Killed$") as caught:
            ask(jid)
        assert caught.value.status == "killed"
