"""The node's command line: one line of JSON says that it is ready, or in one clear error why not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from picloud.testing.node import NODE_MODULE
from picloud.wire import messages

from .conftest import PATIENCE, Client, gone, start, until, until_dead


def _error(home: Path, **settings: str) -> dict[str, Any]:
    """Start a node that cannot start, and return the facts of its error."""
    facts = start(home, os.environ | {"PICLOUD_HOME": str(home)} | settings)
    assert set(facts) == {"error"}
    error: dict[str, Any] = facts["error"]
    assert "\n" not in error["message"]
    return error


def test_a_home_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        other = Path("/")
    else:
        other = tmp_path / "other"
        other.mkdir()
        os.chown(other, 12345, 12345)
    error = _error(other)
    assert error["code"] == "node.home"
    assert f"belongs to user {other.stat().st_uid}" in error["message"]
    assert "PICLOUD_HOME" in error["hint"]
    assert os.geteuid() != 0 or not list(other.iterdir())


def test_a_home_that_cannot_be_written_is_refused() -> None:
    error = _error(Path("/proc/picloud"))
    assert (error["code"], "/proc/picloud" in error["message"]) == ("node.home", True)


def test_a_file_in_the_way_of_the_lock_is_an_error(home: Path) -> None:
    (home / "node.lock").mkdir()
    error = _error(home)
    assert error["code"] == "node"
    assert "node.lock" in error["message"]


@pytest.mark.parametrize(("name", "value"), [("DURABILITY", "eternal"), ("CPUS", "many")])
def test_a_setting_that_cannot_be_is_named(home: Path, name: str, value: str) -> None:
    error = _error(home, **{f"PICLOUD_{name}": value})
    assert error["code"] == "argument.value"
    assert f"PICLOUD_{name}" in error["message"]


def test_a_store_that_cannot_be_opened_is_an_error_each_time(home: Path) -> None:
    assert start(home)["ready"]
    with Client(home) as client:
        assert client.result(client.call(len, bytes(100_000))) == 100_000
        pid = client.welcome.pid
        client.ask(messages.Accepted, messages.Stop())
    until_dead(pid)
    data = next((home / "store").rglob("data.mdb"))
    os.truncate(data, data.stat().st_size // 2)
    harmed = data.read_bytes()
    for _ in range(2):
        error = _error(home)
        assert error["code"] == "store.corrupt"
        assert str(home) in error["message"]
    assert data.read_bytes() == harmed


def test_a_daemon_leaves_its_starter_and_the_terminal(home: Path) -> None:
    pid = start(home)["pid"]
    node = psutil.Process(pid)
    assert node.ppid() != os.getpid()
    assert os.getsid(pid) not in {os.getsid(0), pid}
    assert node.terminal() is None
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
    assert {Path(f"/proc/{pid}/fd/{number}").readlink() for number in (1, 2)} == {home / "node.log"}
    assert node.cwd() == "/"
    with Client(home) as client:
        assert client.welcome.pid == pid
        client.ask(messages.Accepted, messages.Stop())
    until(lambda: gone(home), "it has stopped")
    assert "has ended" in (home / "node.log").read_text()


def test_a_starter_that_goes_before_it_reads_does_not_take_the_node_along(home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", NODE_MODULE, "--home", str(home)],
        env=os.environ | {"PICLOUD_HOME": str(home), "PICLOUD_CPUS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=writer,
    )
    os.close(writer)
    assert process.wait(PATIENCE) == 0
    until(lambda: _listens(home), "it listens")
    with Client(home) as client:
        assert client.result(client.call(len, "abc")) == 3


def _listens(home: Path) -> bool:
    """A socket is there a moment before anybody can connect to it."""
    try:
        Client(home).channel.close()
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True


def test_a_signal_right_after_it_says_ready_ends_it(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", NODE_MODULE, "--home", str(home), "--foreground"],
        env=os.environ | {"PICLOUD_HOME": str(home), "PICLOUD_CPUS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert not (home / "node.sock").exists()


def test_a_wrong_command_line_is_an_error(home: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", NODE_MODULE, "--frobnicate"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 2
    assert "--home" in result.stderr
