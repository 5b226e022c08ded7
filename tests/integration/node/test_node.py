"""One life of a node: from a clean start or a crash's leftovers to an end that leaves nothing behind."""

from __future__ import annotations

import json
import os
import resource
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from picloud.model import job
from picloud.testing.node import NODE_MODULE
from picloud.wire import messages

from .conftest import (
    PATIENCE,
    Client,
    Gate,
    Refused,
    Run,
    alive,
    changed_node,
    gone,
    ranges,
    start,
    until,
    until_dead,
)


def same(value: object) -> object:
    return value


def _modes(home: Path) -> dict[str, int]:
    return {str(path.relative_to(home)): stat.S_IMODE(path.lstat().st_mode) for path in home.rglob("*")}


# --- what it makes -----------------------------------------------------------------------------------------------------


def test_everything_in_its_home_is_for_its_user_alone(run: Run) -> None:
    def write(size: int) -> bytes:
        print("x" * 5000)
        return b"x" * size

    with run() as node, Client(node.home) as client:
        client.wait(client.map(write, [10, 300_000]))
        modes = _modes(node.home)
        assert {"node.sock", "node.lock", "workers.lock", "node.log", "segments", "segments/incoming", "spool"} <= set(
            modes
        )
        assert len([name for name in modes if name.startswith(("spool/", "segments/"))]) >= 4
        folders = {name for name in modes if (node.home / name).is_dir()}
        assert {modes[name] for name in folders} == {0o700}
        assert {mode for name, mode in modes.items() if name not in folders} == {0o600}
        assert stat.S_IMODE(node.home.stat().st_mode) == 0o700
    # Where the starter's umask is anything else, too.
    assert not (node.home / "node.sock").exists()


def test_a_home_on_a_long_path_works_like_any_other(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 40)
    with changed_node(home, "pass"):
        folder = os.open(home, os.O_PATH)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(f"/proc/self/fd/{folder}/node.sock")
        os.close(folder)


# --- how it ends -------------------------------------------------------------------------------------------------------


def test_asked_to_stop_it_puts_back_what_may_restart_and_waits_for_what_may_not(run: Run, gate: Gate) -> None:
    with run() as node, Client(node.home) as client:
        again, once = client.call(gate.job(), "again"), client.call(gate.job(), "once", restartable=False)
        gate.wait(2)
        queued = client.map(gate.job(), range(3), restartable=False)
        tree = psutil.Process(node.process.pid).children(recursive=True)
        client.channel.send(messages.Wait(ranges(once), "all", None))
        node.process.terminate()
        until(lambda: not (node.home / "node.sock").exists() or _refuses(node.home), "it lets nobody in any more")
        assert node.process.poll() is None, "it waits for the one that may not restart"
        gate.open()
        assert messages.expect(client.receive().message, messages.Waited).satisfied
        assert node.process.wait(PATIENCE) == 0
        assert not any(alive(process.pid) for process in tree)
        assert not (node.home / "node.sock").exists()
    with run() as node, Client(node.home) as client:
        assert client.result(once) == "once"
        assert (client.result(again), client.end(again).attempt) == ("again", 1)
        assert [end.value() for end in client.ends(queued).values()] == [0, 1, 2]


def _refuses(home: Path) -> bool:
    try:
        with Client(home):
            return False
    except OSError:
        return True


def test_what_does_not_end_in_time_is_lost(home: Path, run: Run, gate: Gate) -> None:
    with changed_node(home, "from picloud.node import node; node.GRACE = 0.3") as node, Client(home) as client:
        once, waits = client.call(gate.job(), restartable=False), client.call(same, 1)
        gate.wait()
        client.wait(waits)
        (pid,) = gate.pids()
        node.process.terminate()
        assert node.process.wait(PATIENCE) == 0
        assert not alive(pid)
    with run() as node, Client(node.home) as client:
        end = client.end(once)
        assert (end.status, end.cause) == (job.ERROR, "lost")
        assert client.result(waits) == 1


def test_while_it_stops_requests_are_told_to_come_again(run: Run, gate: Gate) -> None:
    with run() as node, Client(node.home) as client:
        once = client.call(gate.job(), 5, restartable=False)
        gate.wait()
        node.process.terminate()
        until(lambda: _refuses(node.home), "it lets nobody in any more")
        with pytest.raises(Refused) as refused:
            client.call(same, 1)
        assert refused.value.code == "node.stopping"
        assert client.node()["unfinished"] == 1
        gate.open()
        assert node.process.wait(PATIENCE) == 0
    with run() as node, Client(node.home) as client:
        assert client.result(once) == 5
        assert client.node()["next_jid"] == once + 1


def test_it_ends_by_itself_when_nobody_needs_it_and_the_next_one_knows_all(run: Run, gate: Gate) -> None:
    with run(PICLOUD_IDLE_TIME="0.2") as node:
        with Client(node.home) as client:
            jid = client.call(gate.job(), 5)
            gate.wait()
        # A job is reason enough to stay, without any client.
        with pytest.raises(subprocess.TimeoutExpired):
            node.process.wait(0.6)
        gate.open()
        assert node.process.wait(PATIENCE) == 0
        assert gone(node.home)
    with run(PICLOUD_IDLE_TIME="0") as node, Client(node.home) as client:
        assert client.result(jid) == 5


# --- after a crash -----------------------------------------------------------------------------------------------------


def test_files_that_nothing_names_are_swept_when_they_are_old(run: Run) -> None:
    with run() as node, Client(node.home) as client:
        jid = client.call(lambda: b"x" * 300_000)
        client.wait(jid)
    named = {path for path in (node.home / "segments").iterdir() if path.is_file()}
    left = [
        node.home / "segments" / "left",
        node.home / "segments" / "incoming" / "left",
        node.home / "spool" / "left.out",
    ]
    fresh = node.home / "segments" / "incoming" / "fresh"
    for path in (*left, fresh):
        path.write_bytes(b"left by a crash")
    for path in (*left, *named):
        os.utime(path, (1, 1))
    with run() as node, Client(node.home) as client:
        assert not any(path.exists() for path in left)
        assert fresh.exists()
        assert all(path.exists() for path in named)
        assert client.end(jid).status == job.DONE


@pytest.mark.parametrize("durability", ["process", "power"])
def test_a_commit_that_fails_ends_the_node_and_the_next_one_goes_on_from_the_store(
    run: Run, gate: Gate, durability: str
) -> None:
    """A limit on the size of files stands for a disk that fails."""
    with run(PICLOUD_DURABILITY=durability) as node, Client(node.home) as client:
        kept = client.call(same, "kept")
        client.wait(kept)
        queued = client.call(gate.job(), "queued")
        gate.wait()
        tree = psutil.Process(node.process.pid).children(recursive=True)
        data = next((node.home / "store").rglob("data.mdb"))
        limit = data.stat().st_size
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        with pytest.raises((EOFError, ConnectionError)):
            client.map(same, [os.urandom(1_000_000)] * 10)
        assert node.process.wait(PATIENCE) == 1
        assert not any(alive(process.pid) for process in tree)
        next_jid = queued + 1
    gate.open()
    with run(PICLOUD_DURABILITY=durability) as node, Client(node.home) as client:
        assert client.result(kept) == "kept"
        assert client.result(queued) == "queued"
        assert client.node()["next_jid"] >= next_jid
        assert client.result(client.call(same, 3)) == 3


# --- one node a home ---------------------------------------------------------------------------------------------------


def test_a_second_node_of_a_home_steps_back(client: Client) -> None:
    assert start(client.home) == {"running": True}
    assert client.node()["pid"] == client.welcome.pid


def test_of_many_that_start_at_once_one_stays(home: Path) -> None:
    command = [sys.executable, "-P", "-m", NODE_MODULE, "--home", str(home)]
    environment = os.environ | {"PICLOUD_HOME": str(home), "PICLOUD_CPUS": "1"}
    started = [
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for _ in range(3)
    ]
    said = [json.loads(process.communicate(timeout=PATIENCE)[0]) for process in started]
    assert sorted(map(sorted, said)) == [["pid", "ready"], ["running"], ["running"]]
    with Client(home) as client:
        assert client.result(client.call(same, 1)) == 1


# --- private nodes -----------------------------------------------------------------------------------------------------


PRIVATE_CLIENT = """
import os, subprocess, sys
node = subprocess.Popen([sys.executable, "-P", "-m", sys.argv[1], "--home", sys.argv[2], "--private", str(os.getpid())],
                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
print(node.pid, node.stdout.readline().decode(), flush=True)
sys.stdin.read()
"""


def test_a_private_node_ends_with_its_client_and_takes_its_folder_along(home: Path, gate: Gate) -> None:
    folder = home / "private"
    environment = os.environ | {"PICLOUD_HOME": str(folder), "PICLOUD_DURABILITY": "process"}
    with subprocess.Popen(
        [sys.executable, "-c", PRIVATE_CLIENT, NODE_MODULE, str(folder)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        pid, _, facts = owner.stdout.readline().partition(" ")
        assert json.loads(facts)["ready"]
        with Client(folder) as client:
            # Nothing of a private node is worth waiting for once its client is gone.
            client.call(gate.job(), restartable=False)
            gate.wait()
            tree = psutil.Process(int(pid)).children(recursive=True)
            owner.kill()
            until_dead(int(pid))
            until(lambda: not folder.exists(), "its folder is gone")
            assert not any(alive(process.pid) for process in tree)


def test_a_private_node_whose_client_is_gone_already_ends_at_once(home: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    folder = home / "private"
    node = subprocess.run(
        [sys.executable, "-P", "-m", NODE_MODULE, "--home", str(folder), "--private", str(child.pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=True,
    )
    assert json.loads(node.stdout)["ready"]
    assert not folder.exists()
