"""Private nodes that were started from anywhere, and whose client ends in any way: neither a process nor a file is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.testing.node import processes_of

from .clients import HEAD, Clients, nothing_is_left_of, until

KINDS = {"mp": "jobs = cloud.mp\n", "simulator": "cloud.start_simulator()\njobs = cloud\n"}
SAY = "print(jobs.connection_info()['home'], flush=True)\n"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder for all temporary files, on a path that is short enough for a socket; afterwards it must be empty."""
    folder = Path(tempfile.mkdtemp(prefix="pc-"))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    try:
        until(lambda: not any(folder.iterdir()))
    finally:
        left = list(folder.rglob("*"))
        shutil.rmtree(folder)
        assert not left


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_to_the_whole_process_group(number: signal.Signals, kind: str, clients: Clients) -> None:
    """As a terminal sends it: jobs are in sessions of their own, so it is not this signal that ends them."""
    program = clients.start(
        f"jid = jobs.map(time.sleep, [300] * 3)\njobs.result(jobs.call(abs, 1, _priority=1))\n{SAY}jobs.result(jid)\n",
        head=HEAD + KINDS[kind],
        PICLOUD_NUM_PROCS="4",
    )
    private = clients.line(program)
    os.killpg(program.pid, number)
    _, err = program.communicate(timeout=40)
    assert program.returncode == -number
    assert ("KeyboardInterrupt" in err) == (number == signal.SIGINT)
    nothing_is_left_of(private)


def test_ctrl_c_while_a_private_node_starts(clients: Clients, temporary: Path) -> None:
    """The client lives on: the node whose start was interrupted does not, and the next call starts another."""
    program = clients.start("""
        caught = 0
        for delay in (0.02, 0.1, 0.2, 0.3):
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                cloud.mp.call(abs, 1)
                while True: time.sleep(1)
            except KeyboardInterrupt:
                caught += 1
        assert cloud.mp.result(cloud.mp.call(abs, -3), timeout=40) == 3
        print(cloud.mp.connection_info()["home"], flush=True)
        input()
        assert cloud.mp.close()
        print(caught, flush=True)
        input()
    """)
    private = clients.line(program)
    nodes = [process for process in processes_of(Path(private)) if "picloud.node.main" in process.cmdline()]
    assert len(nodes) == 1
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()
    assert clients.line(program) == "4"
    nothing_is_left_of(private)
    assert not any(temporary.glob("picloud-*"))
    program.communicate("\n", timeout=30)


@pytest.mark.parametrize("after", [0.0, 0.05, 0.15, 0.3, 0.5])
def test_kill_9_of_a_client_that_starts_a_private_node(after: float, clients: Clients, temporary: Path) -> None:
    program = clients.start(f"""
        threading.Timer({after}, os.kill, (os.getpid(), signal.SIGKILL)).start()
        cloud.mp.result(cloud.mp.call(time.sleep, 300))
    """)
    program.communicate(timeout=40)
    assert program.returncode == -signal.SIGKILL


def test_started_from_a_thread_that_ends(clients: Clients) -> None:
    """It is the process that the node watches, not the thread."""
    private = clients.run("""
        jids = []
        thread = threading.Thread(target=lambda: jids.append(cloud.mp.call(abs, -8)))
        thread.start(); thread.join()
        pid = cloud.mp.connection_info()["pid"]
        assert cloud.mp.result(jids[0], timeout=40) == 8
        assert cloud.mp.result(cloud.mp.call(abs, -9), timeout=40) == 9
        assert cloud.mp.connection_info()["pid"] == pid
        print(json.dumps(cloud.mp.connection_info()["home"]))
    """)
    nothing_is_left_of(private)


def test_started_by_several_processes_at_once(clients: Clients, home: Path, temporary: Path) -> None:
    """As pytest-xdist's workers do: each has a simulator and mp of its own, and they share the machine's node."""
    program = """
        assert cloud.mp.result(cloud.mp.map(abs, range(20)), timeout=50) == list(range(20))
        mine = cloud.call(pow, 2, 4)
        assert cloud.result(mine, timeout=50) == 16
        machine = cloud.connection_info()["home"]
        cloud.start_simulator()
        assert cloud.result(cloud.call(abs, -1), timeout=50) == 1
        print(json.dumps([mine, machine, cloud.mp.connection_info()["home"], cloud.connection_info()["home"]]))
    """
    started = [clients.start(program) for _ in range(5)]
    found = [clients.finish(process) for process in started]
    assert sorted(jid for jid, _, _, _ in found) == [1, 2, 3, 4, 5]
    assert {machine for _, machine, _, _ in found} == {str(home)}
    privates = [private for _, _, *both in found for private in both]
    assert len(set(privates)) == 10
    for private in privates:
        nothing_is_left_of(private)


def test_a_client_that_becomes_another_program_keeps_no_workers(clients: Clients) -> None:
    """Execve(2) keeps the process, so the node ends with it; no descriptor of ours goes along."""
    program = clients.start(f"""
        jobs = cloud.mp
        jobs.result(jobs.call(abs, 1))
        {SAY.strip()}
        os.execv(sys.executable, [sys.executable, "-c", "import os; print(len(os.listdir('/proc/self/fd'))); input()"])
    """)
    private = clients.line(program)
    assert int(clients.line(program)) == 4
    program.communicate("\n", timeout=30)
    nothing_is_left_of(private)


def test_exit_does_not_wait_for_jobs(clients: Clients) -> None:
    program = clients.start(
        f"""
        jobs = cloud.mp
        jobs.call(time.sleep, 300, _restartable=False)
        jobs.result(jobs.call(abs, 1, _priority=1))
        {SAY.strip()}
        sys.exit(5)
    """,
        PICLOUD_NUM_PROCS="2",
    )
    private = clients.line(program)
    _, err = program.communicate(timeout=20)
    assert (program.returncode, err) == (5, "")
    assert subprocess.run(["test", "-e", private], check=False).returncode == 1
    nothing_is_left_of(private)


@pytest.mark.parametrize("end", ["jobs.close()", "os.kill(os.getpid(), signal.SIGKILL)"])
@pytest.mark.parametrize("kind", KINDS)
def test_logs_that_were_asked_for_are_kept(kind: str, end: str, clients: Clients, home: Path) -> None:
    program = clients.start(
        f"jobs.result(jobs.call(abs, 1))\n{SAY}{end}\n", head=HEAD + KINDS[kind], PICLOUD_SAVE_LOG="yes"
    )
    private = clients.line(program)
    program.communicate(timeout=30)
    nothing_is_left_of(private)
    (log,) = home.rglob("node.log")
    assert log.parents[1].name == {"mp": "Multiprocessing", "simulator": "Simulation"}[kind]
    assert "has ended" in log.read_text()


def test_no_log_is_kept_that_was_not_asked_for(clients: Clients, home: Path) -> None:
    private = clients.run("cloud.mp.call(abs, 1)\nprint(json.dumps(cloud.mp.connection_info()['home']))")
    nothing_is_left_of(private)
    assert not any(home.iterdir())
