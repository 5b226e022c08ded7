"""Becoming a daemon: a session of its own, one line to the starter, then the log."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from .conftest import until

PROGRAM = """
import os, pathlib, sys
from picloud.node import launch
folder = pathlib.Path(sys.argv[1])
starter = os.getsid(0)
launch.detach()
launch.start_logging(folder / "log", "INFO", to_terminal=False)
assert os.getsid(0) not in (starter, os.getpid())
assert os.getppid() != int(sys.argv[2])
before = launch.leave_terminal(folder / "log")
launch.report({"ready": True, "pid": os.getpid()}, before)
os.close(before)
print("said to nobody", flush=True)
os.write(2, b"shouted at nobody")
assert sys.stdin.read() == ""
(folder / "done").touch()
"""


def test_the_starter_gets_one_line_and_its_terminal_back(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(os.getpid())],
        input="nothing is read of this",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    facts = json.loads(result.stdout)
    assert facts["ready"]
    assert result.stderr == ""
    until((tmp_path / "done").exists, "the daemon is done")
    until(lambda: not Path(f"/proc/{facts['pid']}").exists(), "it has ended")
    assert "said to nobody" in (tmp_path / "log").read_text()
    assert "shouted at nobody" in (tmp_path / "log").read_text()


def test_the_log_is_private_never_a_link_and_grows(tmp_path: Path) -> None:
    code = (
        "import logging, pathlib, sys; from picloud.node import launch; "
        "launch.start_logging(pathlib.Path(sys.argv[1]), sys.argv[2], to_terminal=sys.argv[3] == 'yes'); "
        "logging.getLogger('picloud.x').info('something'); logging.getLogger('picloud.x').warning('worse')"
    )
    log = tmp_path / "log"

    def run(path: Path, level: str, terminal: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, str(path), level, terminal]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert run(log, "INFO", "no").stderr == ""
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.read_text().count("INFO picloud.x: something") == 1
    assert run(log, "warning", "yes").stderr.count("WARNING picloud.x: worse") == 1
    assert log.read_text().count("something") == 1
    assert log.read_text().count("worse") == 2
    assert run(log, "nonsense", "no").returncode == 0
    (tmp_path / "link").symlink_to(log)
    assert run(tmp_path / "link", "INFO", "no").returncode != 0
