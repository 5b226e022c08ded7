"""`picloud node start|stop|status|logs|check|backup` on a real node."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from .conftest import Shell


def test_start_and_stop(shell: Shell) -> None:
    started = shell.json("node", "start")
    assert started == {"schema": 1, "started": True, "pid": started["pid"], "home": str(shell.home)}
    assert psutil.pid_exists(started["pid"])
    assert shell.json("node", "start") == {**started, "started": False}
    assert shell.json("node", "stop") == {"schema": 1, "stopped": True, "pid": started["pid"], "home": str(shell.home)}
    assert not psutil.pid_exists(started["pid"]) or psutil.Process(started["pid"]).status() == psutil.STATUS_ZOMBIE
    assert shell.json("node", "stop") == {"schema": 1, "stopped": False, "pid": None, "home": str(shell.home)}
    assert f"pid {shell.json('node', 'start')['pid']}, home {shell.home}" in shell.text("node", "start")
    assert shell.text("node", "stop").startswith("The node has ended: pid ")


def test_a_job_that_waits_goes_on_after_a_stop(shell: Shell) -> None:
    (shell.folder / "gate").write_text("closed")
    program = """
def wait():
    import pathlib, time
    while pathlib.Path('gate').read_text() == 'closed':
        time.sleep(0.02)
    return 'through'
cloud.call(wait)
"""
    shell.python(program)
    assert shell.json("node", "stop")["stopped"]
    assert shell.json("--offline", "status", "1") == {"1": "queued"}
    (shell.folder / "gate").write_text("open")
    assert shell.json("result", "1") == "through"


def test_a_stop_that_takes_too_long(shell: Shell) -> None:
    """A job that may not restart is given time; a node that is already ending is waited for too."""
    pid = shell.json("node", "start")["pid"]
    shell.python(
        "jid = cloud.call(time.sleep, 100, _restartable=False)\nwhile cloud.status(jid) != 'processing': time.sleep(0.02)"
    )
    assert shell.error("node", "stop", "--timeout", "0.3", status=124)["code"] == "cloud.timeout"
    assert shell.error("node", "stop", "--timeout", "0", status=124)["code"] == "cloud.timeout"
    psutil.Process(pid).kill()


def test_status_does_not_start_a_node(shell: Shell) -> None:
    for words in (["status"], ["check"], ["backup", "there"]):
        error = shell.error("node", *words, status=3)
        assert error["code"] == "node.unreachable"
        assert error["hint"] == "start one with `picloud node start`"
    assert not shell.home.joinpath("node.sock").exists()


def test_status(shell: Shell) -> None:
    pid = shell.json("node", "start")["pid"]
    facts = shell.json("node", "status")
    assert facts["schema"] == 1
    assert facts["pid"] == pid
    assert facts["durability"] == "power"
    assert facts["unfinished"] == 0
    assert f"home: {shell.home}\n" in shell.text("node", "status")


def test_logs(shell: Shell) -> None:
    assert shell.error("node", "logs")["code"] == "node.home"
    pid = shell.json("node", "start")["pid"]
    with shell.start("node", "logs", "--follow") as process:
        assert process.stdout is not None
        assert f"node {pid} serves {shell.home}" in process.stdout.readline()
        shell.json("node", "stop")
        for line in process.stdout:
            if f"node {pid} has ended" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    found = shell.json("node", "logs", "-n", "1")
    assert found["path"] == str(shell.home / "node.log")
    assert len(found["lines"]) == 1
    assert "has ended" in shell.text("node", "logs")


def test_check(shell: Shell) -> None:
    shell.python("cloud.join(cloud.map(abs, range(10)))")
    facts = shell.json("node", "check")
    assert facts["ok"]
    assert (facts["arrays"], facts["items"], facts["problems"]) == (1, 10, [])
    assert "Everything fits." in shell.text("node", "check")
    _, err = shell.run("node", "check", "--offline", status=1)
    assert "leave out --offline" in err
    shell.json("node", "stop")
    assert shell.json("node", "check", "--offline")["ok"]
    data = shell.home / "store" / "meta" / "data.mdb"
    content = bytearray(data.read_bytes())
    at = content.rindex(b"builtins.abs")
    content[at : at + 8] = b"BUILTINS"
    data.write_bytes(content)
    out, _ = shell.run("node", "check", "--offline", status=1)
    assert "problem: " in out
    assert "its checksum does not fit" in out


def test_a_backup_is_a_home(shell: Shell, tmp_path: Path) -> None:
    shell.python("cloud.call(bytes, 1_000_000)\ncloud.call(print, 'hello')\ncloud.join([1, 2])")
    made = shell.json("node", "backup", "saved")
    assert made["directory"] == str(tmp_path / "saved")
    assert made["files"] >= 1
    assert shell.error("node", "backup", "saved")["code"] == "node.home"
    shell.json("delete", "all")
    shell.json("node", "stop")
    out, _ = shell.run("--offline", "--json", "status", "all", home=tmp_path / "saved")
    assert out == '{"1": "done", "2": "done"}\n'
    out, _ = shell.run("--offline", "result", "1", home=tmp_path / "saved")
    assert len(out) == len(repr(bytes(1_000_000))) + 1
    again = shell.json("--offline", "node", "backup", "again")
    assert again["directory"] == str(tmp_path / "again")
