"""Supervisors and the lives of their workers: nothing that was started outlives whom it was started for."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from picloud.model import job
from picloud.wire import messages
from picloud.wire.channel import Channel


def family(path: str) -> None:
    """Start a child, a grandchild in a session of its own, and a daemon that was forked twice; note their pids."""
    import os
    import subprocess
    import time

    children = [subprocess.Popen(["sleep", "300"]).pid]
    children.append(subprocess.Popen(["sh", "-c", "sleep 301 & sleep 302"], start_new_session=True).pid)
    if not (pid := os.fork()):
        os.setsid()
        if not os.fork():
            daemon = subprocess.Popen(["sleep", "303"]).pid
            with open(path, "a") as opened:
                opened.write(f"{os.getpid()} {daemon} ")
            time.sleep(300)
        os._exit(0)
    os.waitpid(pid, 0)
    with open(path, "a") as opened:
        opened.write(" ".join(map(str, children)) + " ")


def pids_in(path: Path, count: int) -> list[int]:
    return [int(word) for word in path.read_text().split()] if len(path.read_text().split()) >= count else []


def wait_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while left := [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]:
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.01)


def started_family(worker: Any, path: Path) -> list[int]:
    """Run a job that starts a family and then sleeps; return all pids below the worker."""

    def run(path: str) -> None:
        family(path)
        time.sleep(60)

    path.touch()
    worker.send(run, [(str(path),)])
    deadline = time.monotonic() + 10
    while not (pids := pids_in(path, 4)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [*pids, *(child.pid for child in psutil.Process(worker.pid).children(recursive=True))]


def test_it_says_what_it_is(own_driver: Any) -> None:
    ready = own_driver.ready
    assert ready.pid == own_driver.process.pid
    assert ready.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert psutil.Process(ready.pid).num_threads() == 1


def test_a_workers_start_time_is_the_kernels(driver: Any) -> None:
    driver.channel.send(messages.StartWorker(1000, [], {}))
    received = driver.channel.receive()
    assert isinstance(received.message, messages.WorkerStarted)
    stat = Path(f"/proc/{received.message.pid}/stat").read_text()
    assert received.message.start_time == int(stat.rpartition(")")[2].split()[19])
    for descriptor in received.descriptors:
        os.close(descriptor)
    # With its socket's other end gone, the worker has nobody to serve.
    ended = driver.channel.receive().message
    assert ended == messages.WorkerEnded(1000, 0, ended.peak, 0)
    assert 1 << 20 < ended.peak < 1 << 30


def test_a_worker_has_its_own_session_name_and_mark(worker: Any) -> None:
    process = psutil.Process(worker.pid)
    assert os.getsid(worker.pid) == worker.pid
    assert process.name() == "picloud-worker"
    environment = worker.call(lambda: dict(os.environ)).value()
    assert environment["PICLOUD_GENERATION"] == "generation-1"
    assert environment["PICLOUD_WORKER"] == str(worker.id)
    assert environment["PICLOUD_HOME"] == str(worker.driver.home)


def test_a_worker_has_only_its_own_descriptors(driver: Any, worker: Any, hire: Any) -> None:
    """Of the supervisor, the log aside, and of other workers nothing is open in it; a job's children get 0 to 2."""
    other = hire()
    other_links = {os.readlink(f"/proc/{other.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{other.pid}/fd")}
    links = {int(fd): os.readlink(f"/proc/{worker.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{worker.pid}/fd")}
    private = {link for fd, link in links.items() if fd > 2 and "null" not in link and "lock" not in link}
    log = os.readlink(f"/proc/{driver.process.pid}/fd/2")
    assert private & other_links <= {log, "/memfd:picloud-arena (deleted)"}
    assert len(links) <= 3 + 9
    listed = worker.call(
        lambda: subprocess.run(["ls", "/proc/self/fd"], capture_output=True, check=True).stdout
    ).value()
    assert listed.split() == [b"0", b"1", b"2", b"3"]


def test_start_time_variables_and_cpus(driver: Any, hire: Any) -> None:
    cpu = min(os.sched_getaffinity(0))
    worker = hire([cpu], TZ="Asia/Tokyo", OMP_NUM_THREADS="1")

    def look() -> Any:
        return os.sched_getaffinity(0), time.tzname

    cpus, _ = worker.call(look).value()
    assert cpus == {cpu}
    context = driver.context(environment=(("TZ", "Asia/Tokyo"),))
    assert worker.call(look, context=context).value()[1] == ("JST", "JST")


def test_a_worker_that_cannot_be_started_is_told(own_driver: Any) -> None:
    (own_driver.home / "spool").rmdir()
    answer = own_driver.channel.request(messages.StartWorker(1, [], {})).message
    assert isinstance(answer, messages.WorkerFailed)
    assert "No such file" in answer.reason
    (own_driver.home / "spool").mkdir()
    assert own_driver.worker().call(lambda: 1).value() == 1


def test_living_workers_share_a_lock(own_driver: Any) -> None:
    with (own_driver.home / "workers.lock").open("a") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(opened, fcntl.LOCK_UN)
        first, second = own_driver.worker(), own_driver.worker()
        for worker in (first, second):
            with pytest.raises(BlockingIOError):
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            own_driver.kill(worker)
            own_driver.wait_ended(worker)
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_worker_does_not_start_beside_another_generation(own_driver: Any) -> None:
    with (own_driver.home / "workers.lock").open("a") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        own_driver.channel.send(messages.StartWorker(1, [], {}))
        received = own_driver.channel.receive()
        assert isinstance(received.message, messages.WorkerStarted)
        for descriptor in received.descriptors:
            os.close(descriptor)
        ended = own_driver.channel.receive().message
        assert os.waitstatus_to_exitcode(ended.status) == 70


class TestEndOfAWorker:
    """Each way in which a worker can end."""

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
    def test_by_a_signal_from_outside(self, driver: Any, hire: Any, number: int) -> None:
        worker = hire()
        worker.send(time.sleep, [(0,), (60,), (0,)])
        worker.wait_current(1)
        os.kill(worker.pid, number)
        ended = driver.wait_ended(worker)
        assert os.WTERMSIG(ended.status) == number
        assert [end.status for end in worker.harvest()] == [job.DONE]
        assert worker.current() == 1

    def test_by_exit_inside_a_job(self, driver: Any, hire: Any) -> None:
        worker = hire()
        worker.send(lambda i: os._exit(7) if i == 2 else i, [(i,) for i in range(5)])
        ended = driver.wait_ended(worker)
        assert os.waitstatus_to_exitcode(ended.status) == 7
        assert [end.value() for end in worker.harvest()] == [0, 1]
        assert worker.current() == 2
        assert worker.steal() == 3

    def test_its_memory_is_told(self, driver: Any, hire: Any) -> None:
        worker = hire()
        worker.call(lambda: len(bytearray(100 << 20)))
        driver.kill(worker)
        assert driver.wait_ended(worker).peak > 100 << 20

    def test_others_go_on(self, driver: Any, hire: Any) -> None:
        first, second = hire(), hire()
        second.send(time.sleep, [(0.3,)])
        driver.kill(first)
        driver.wait_ended(first)
        assert second.finish()[0].status == job.DONE

    @pytest.mark.parametrize("how", ["asked", "outside"])
    def test_its_whole_tree_goes_with_it(self, driver: Any, hire: Any, tmp_path: Path, how: str) -> None:
        worker = hire()
        bystander = hire()
        bystander.send(lambda: subprocess.run(["sleep", "0.5"], check=True).returncode, [()])
        pids = started_family(worker, tmp_path / "pids")
        assert len(set(pids)) >= 6
        if how == "asked":
            driver.kill(worker)
        else:
            os.kill(worker.pid, signal.SIGKILL)
        ended = driver.wait_ended(worker)
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        assert ended.orphans >= 3
        assert bystander.finish()[0].value() == 0

    def test_a_signal_for_one_that_is_gone_is_ignored(self, driver: Any, hire: Any) -> None:
        worker = hire()
        driver.kill(worker)
        driver.kill(worker)
        driver.wait_ended(worker)
        driver.channel.send(messages.SignalWorker(worker.id, signal.SIGKILL))
        again = hire()
        assert again.call(lambda: 1).value() == 1

    def test_the_supervisor_keeps_nothing_of_them(self, driver: Any, hire: Any) -> None:
        before = len(os.listdir(f"/proc/{driver.process.pid}/fd"))
        for _ in range(5):
            worker = hire()
            driver.kill(worker)
            driver.wait_ended(worker)
        assert len(os.listdir(f"/proc/{driver.process.pid}/fd")) == before


ENDS: dict[str, Callable[[Any], None]] = {
    "stream closed": lambda driver: driver.channel.close(),
    "asked to stop": lambda driver: driver.channel.send(messages.StopSupervisor()),
    "terminated": lambda driver: driver.process.terminate(),
}


@pytest.mark.parametrize("how", ENDS)
def test_nothing_outlives_the_supervisor(own_driver: Any, tmp_path: Path, how: str) -> None:
    worker, idle = own_driver.worker(), own_driver.worker()
    pids = [*started_family(worker, tmp_path / "pids"), worker.pid, idle.pid]
    ENDS[how](own_driver)
    assert own_driver.process.wait(10) == 0
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_workers_die_with_a_killed_supervisor(own_driver: Any) -> None:
    worker, idle = own_driver.worker(), own_driver.worker()
    worker.send(time.sleep, [(60,)])
    worker.wait_current(0)
    own_driver.process.kill()
    wait_gone([worker.pid, idle.pid])


NODE = """
import os, socket, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from picloud.wire import messages
from picloud.wire.channel import Channel
stream = socket.socket(fileno=int(sys.argv[3]))
channel = Channel(stream)
channel.request(messages.Configure(sys.argv[2], "generation-2", os.getpid(), "%d.%d" % sys.version_info[:2]))
received = channel.request(messages.StartWorker(1, [], {}))
print(received.message.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("keeps_stream", [False, True])
def test_nothing_outlives_a_killed_node(home: Path, keeps_stream: bool) -> None:
    """The node's own process is watched, even where somebody else still holds its stream open."""
    root = str(Path(__file__).parents[3] / "picloud")
    (home / "spool").mkdir()
    ours, theirs = socket.socketpair()
    code = "import sys; sys.path.append(sys.argv[1]); del sys.argv[1]; from picloud.worker.boot import main; main()"
    supervisor = subprocess.Popen(
        [sys.executable, "-P", "-c", code, root, "--fd", str(theirs.fileno())], pass_fds=(theirs.fileno(),)
    )
    theirs.close()
    node = subprocess.Popen(
        [sys.executable, "-c", NODE, root, str(home), str(ours.fileno())],
        pass_fds=(ours.fileno(),),
        stdout=subprocess.PIPE,
    )
    if not keeps_stream:
        ours.close()
    assert node.stdout is not None
    with node.stdout:
        worker = int(node.stdout.readline())
        assert psutil.pid_exists(worker)
        node.kill()
        node.wait(10)
    assert supervisor.wait(10) == 0
    assert not psutil.pid_exists(worker)
    ours.close()


def test_a_stream_that_speaks_something_else_ends_it(own_driver: Any) -> None:
    own_driver.channel.socket.sendall(b"GET / HTTP/1.1\r\n" + b"x" * 100)
    assert own_driver.process.wait(10) != 0


def test_a_worker_before_the_configuration_is_refused(home: Path) -> None:
    root = str(Path(__file__).parents[3] / "picloud")
    ours, theirs = socket.socketpair()
    supervisor = subprocess.Popen(
        [sys.executable, "-P", "-m", "picloud.worker.boot", "--fd", str(theirs.fileno())],
        pass_fds=(theirs.fileno(),),
        env={"PYTHONPATH": root},
        cwd="/",
    )
    theirs.close()
    channel = Channel(ours)
    answer = channel.request(messages.StartWorker(1, [], {})).message
    assert isinstance(answer, messages.WorkerFailed)
    channel.close()
    assert supervisor.wait(10) == 0
