"""`picloud status|result|join|info|kill|delete` on a real node."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from .conftest import PICLOUD, Shell

SLEEP = "cloud.call(time.sleep, 100)"


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _has_socket(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return any(str(file.readlink()).startswith("socket:") for file in Path(f"/proc/{pid}/fd").iterdir())
    return False


def test_statuses_and_results(shell: Shell) -> None:
    shell.python("cloud.map(lambda x: x * x, range(3))\ncloud.call(lambda: 'one\\ntwo')\ncloud.join(range(1, 5))")
    assert shell.text("status", "1-2,4") == "jid    status\n1      done\n2      done\n4      done\n"
    assert shell.text("-o", "no-header", "status", "3") == "3    done\n"
    assert shell.json("status", "all") == {"1": "done", "2": "done", "3": "done", "4": "done"}
    assert shell.json("status", "last") == {"4": "done"}
    assert shell.text("result", "3") == "4\n"
    assert shell.text("result", "4") == "one\ntwo\n"
    assert shell.text("result", "1-2") == "Result for jid 1:\n0\nResult for jid 2:\n1\n"
    assert shell.text("-o", "no-header", "result", "2-3") == "1\n4\n"
    assert shell.json("result", "3") == 4
    assert shell.json("result", "1-3") == {"1": 0, "2": 1, "3": 4}
    assert shell.text("join", "1-4") == ""
    assert shell.json("join", "all") is None


def test_jobs_that_fail(shell: Shell) -> None:
    shell.python("def bad(): raise ValueError('no luck')\ncloud.call(pow, 2, 3)\ncloud.call(bad)")
    out, err = shell.run("result", "1-2", status=1)
    assert out == ""
    assert err.startswith("picloud: Job 2: Traceback")
    assert "ValueError: no luck" in err
    for command in ("result", "join"):
        error = shell.error(command, "1-2")
        assert error["code"] == "job.failed"
        assert error["jid"] == 2
        assert "raise ValueError('no luck')" in error["msg"]
    assert "ValueError: no luck" in shell.text("result", "-i", "1-2")
    assert shell.json("result", "-i", "1-2")["2"]["error"]["code"] == "job.failed"
    assert shell.json("result", "-i", "1-2")["1"] == 8
    assert shell.json("status", "1-2") == {"1": "done", "2": "error"}


def test_values_that_json_cannot_hold(shell: Shell) -> None:
    shell.python("cloud.call(lambda: {1, 2})\ncloud.call(lambda: None)\ncloud.join([1, 2])")
    assert shell.text("result", "1") == "{1, 2}\n"
    error = shell.error("result", "1")
    assert error["code"] == "job.serialization"
    assert "a set has no JSON form" in error["msg"]
    assert error["jid"] == 1
    assert shell.text("result", "2") == ""
    assert shell.json("result", "2") is None


def test_values_of_the_projects_own_classes(shell: Shell) -> None:
    (shell.folder / "shapes.py").write_text(
        "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\n    y: int\n"
    )
    shell.python("import shapes\ncloud.call(shapes.Point, 1, 2)")
    assert shell.text("result", "1") == "Point(x=1, y=2)\n"


def test_waiting_killing_and_what_is_left(shell: Shell) -> None:
    shell.python(SLEEP)
    _until(lambda: shell.json("status", "1") == {"1": "processing"})
    error = shell.error("join", "1", "--timeout", "0.2", status=124)
    assert error["code"] == "cloud.timeout"
    assert error["jid"] == [1]
    assert shell.error("result", "1", "-t", "0", status=124)["code"] == "cloud.timeout"
    assert shell.error("delete", "1")["code"] == "job.unfinished"
    assert shell.text("kill", "1") == ""
    assert shell.error("join", "1")["msg"].endswith("Job terminated by user\n")
    assert shell.text("kill", "1") == ""
    assert shell.json("status", "1") == {"1": "killed"}


def test_everything_is_killed(shell: Shell) -> None:
    shell.python(f"{SLEEP}\ncloud.map(time.sleep, [100] * 5)")
    assert shell.json("kill", "all") is None
    shell.run("join", "all", status=1)
    assert set(shell.json("status", "1-6").values()) == {"killed"}


def test_ctrl_c_ends_the_wait_and_not_the_job(shell: Shell) -> None:
    shell.python(SLEEP)
    _until(lambda: shell.json("status", "1") == {"1": "processing"})
    with shell.start("join", "1") as process:
        _until(lambda: _has_socket(process.pid))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert shell.json("status", "1") == {"1": "processing"}
    shell.text("kill", "1")


def test_info(shell: Shell) -> None:
    shell.python("cloud.call(lambda: print('hello\\nthere'), _label='greeting')\ncloud.join(1)")
    assert (
        shell.text("info", "1", "-o", "status,stdout") == "Info for jid 1:\nstatus: done\nstdout:\n  hello\n  there\n"
    )
    facts = shell.json("info", "1")["1"]
    assert facts["stdout"] == "hello\nthere\n"
    assert set(facts) == {"stdout", "stderr", "status", "runtime"}
    everything = shell.json("info", "1", "-o", "all")["1"]
    assert everything["label"] == "greeting"
    created = datetime.fromisoformat(everything["created"])
    assert created.utcoffset() == timedelta(0)
    assert abs(created.timestamp() - time.time()) < 60
    assert "args: ()" in shell.text("info", "1", "-o", "all")


def test_deleted_jobs_are_gone(shell: Shell) -> None:
    shell.python("cloud.map(abs, range(5))\ncloud.call(abs, 1)\ncloud.join(range(1, 7))")
    assert shell.text("delete", "2-3") == ""
    for command in ("status", "result", "info", "join", "kill", "delete"):
        error = shell.error(command, "1-6")
        assert error["code"] == "job.unknown"
        assert error["jid"] == 2
    assert shell.json("status", "all") == {"1": "done", "4": "done", "5": "done", "6": "done"}
    assert shell.text("delete", "all") == ""
    assert shell.json("status", "all") == {}
    assert shell.text("result", "last") == ""
    assert shell.error("status", "4711")["jid"] == 4711


def test_a_reader_that_goes_early_is_no_failure(shell: Shell) -> None:
    shell.python("cloud.join(cloud.map(abs, range(20000)))")
    command = f"{' '.join(PICLOUD)} status 1-20000 | head -n 2"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert result.stdout == "jid      status\n1        done\n"
    assert result.stderr == ""


@pytest.mark.parametrize("words", [["status", "1"], ["kill", "1"], ["gc"], ["node", "start"]])
def test_a_home_that_cannot_be_used(shell: Shell, words: list[str]) -> None:
    _, err = shell.run(*words, status=3, home=Path("/proc/no-home"))
    assert err.startswith("picloud: PICLOUD_HOME /proc/no-home cannot be used")


def test_without_a_node_the_first_question_starts_one(shell: Shell) -> None:
    assert shell.json("status", "all") == {}
    assert shell.json("node", "status")["home"] == str(shell.home)


def test_the_program_is_installed() -> None:
    program = Path(sys.executable).with_name("picloud")
    result = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert result.stdout.startswith("picloud ")
