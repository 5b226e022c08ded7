"""cloud.view: a table that lives in a terminal, and is printed elsewhere, until all jobs have ended.

Notebooks are in tests/system/conformance/test_notebooks.py.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

FAST = 30
JOBS = """
import os, time
import cloud
def wait(path, step):
    import cloud
    cloud.job.progress(step, 10, "waiting")
    while not os.path.exists(path): time.sleep(0.005)
"""


def wait_for(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.005)


def fail() -> None:
    raise ValueError("no")


def test_jobs_that_have_ended_are_printed_once(cloud: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    jids = [cloud.call(abs, -1, _label="night"), cloud.call(fail)]
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    assert cloud.view(jids) is None
    header, first, second, foot = capsys.readouterr().out.splitlines()
    assert header.split() == ["job", "function", "label", "status", "runtime"]
    assert first.split()[:4] == [str(jids[0]), "builtins.abs", "night", "done"]
    assert second.split()[2] == "error"
    assert foot == "2 of 2 ended (1 done, 1 error)"


def test_without_a_terminal_it_is_printed_now_and_at_the_end(
    cloud: ModuleType, capsys: pytest.CaptureFixture[str], gate: Path
) -> None:
    jid = cloud.call(wait_for, str(gate))
    text = ""

    def open_after_the_first_table() -> None:
        nonlocal text
        deadline = time.monotonic() + FAST
        while "0 of 1 ended" not in text and time.monotonic() < deadline:
            text += capsys.readouterr().out
            time.sleep(0.01)
        gate.write_text("")

    opener = threading.Thread(target=open_after_the_first_table)
    opener.start()
    cloud.view(jid)
    opener.join()
    text += capsys.readouterr().out
    assert [line for line in text.splitlines() if " ended" in line][-1] == "1 of 1 ended (1 done)"
    assert text.count("function") == 2
    assert "\x1b" not in text


def test_many_jobs_are_told_by_the_important_ones(cloud: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    jids = cloud.map(abs, range(100_000))
    bad = cloud.call(fail)
    cloud.join([jids, bad], timeout=FAST, ignore_errors=True)
    cloud.view([jids, bad])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 42
    assert lines[-1] == "and 99961 more; 100001 of 100001 ended (100000 done, 1 error)"
    assert lines[-2].split()[0] == str(bad)


def test_nothing_to_view(cloud: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert cloud.view([]) is None
    assert capsys.readouterr().out == ""
    with pytest.raises(cloud.CloudException, match="Does not exist"):
        cloud.view(1 << 40)
    with pytest.raises(TypeError):
        cloud.view("1")


def test_in_a_terminal_it_is_drawn_again_until_all_have_ended(home: Path, gate: Path) -> None:
    program = JOBS + f"cloud.mp.view(cloud.mp.map(wait, [{str(gate)!r}] * 3, range(3)))\n"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := _read(ours):
            shown += chunk
            if shown.count(b"0 of 3 ended") >= 2 and b"waiting" in shown:
                gate.write_text("")
        assert process.wait(FAST) == 0
    finally:
        gate.write_text("")
        os.close(ours)
        process.wait(FAST)
    text = shown.decode()
    assert "10% (1 of 10) waiting" in text
    assert "3 of 3 ended (3 done)" in text
    assert "\x1b[1A" in text
    assert text.rindex("0 of 3 ended") < text.index("3 of 3 ended")


def _read(descriptor: int) -> bytes:
    """Return what a terminal shows next; nothing once its program has ended."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
