"""join and result with progress=True: one line on a terminal, some lines elsewhere, and the wait as it always is."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr
from pathlib import Path
from types import ModuleType

import pytest

FAST = 30


def wait_for(path: str) -> int:
    while not Path(path).exists():
        time.sleep(0.005)
    return 1


def even(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def test_nothing_is_shown_unless_asked_for(cloud: ModuleType) -> None:
    with redirect_stderr(io.StringIO()) as stderr:
        jids = cloud.map(even, range(0, 20, 2))
        cloud.join(jids, timeout=FAST)
        assert cloud.result(jids, timeout=FAST) == list(range(0, 20, 2))
        assert stderr.getvalue() == ""


def test_elsewhere_it_is_plain_lines(cloud: ModuleType, gate: Path) -> None:
    with redirect_stderr(io.StringIO()) as stderr:
        jids = cloud.map(wait_for, [str(gate)] * 3)

        def open_after_the_first_line() -> None:
            deadline = time.monotonic() + FAST
            while not stderr.getvalue() and time.monotonic() < deadline:
                time.sleep(0.01)
            gate.write_text("")

        opener = threading.Thread(target=open_after_the_first_line)
        opener.start()
        assert cloud.result(jids, timeout=FAST, progress=True) == [1, 1, 1]
        opener.join()
        first, *_, last = stderr.getvalue().splitlines()
        assert re.fullmatch(r"0 of 3 ended, .*\d (processing|queued)", first)
        assert re.fullmatch(r"3 of 3 ended \(3 done\) in \d+\.\d s", last)
        assert "\x1b" not in stderr.getvalue()


def test_quick_jobs_have_their_last_line_alone(cloud: ModuleType) -> None:
    with redirect_stderr(io.StringIO()) as stderr:
        cloud.join(cloud.map(even, range(0, 20, 2)), timeout=FAST, progress=True)
        assert re.fullmatch(r"10 of 10 ended \(10 done\) in 0\.\d s\n", stderr.getvalue())
        assert cloud.result([], progress=True) == []
        assert stderr.getvalue().count("\n") == 1


def test_errors_and_timeouts_are_as_they_always_are(cloud: ModuleType, gate: Path) -> None:
    with redirect_stderr(io.StringIO()) as stderr:
        jids = cloud.map(even, range(4))
        with pytest.raises(cloud.CloudException, match="is odd"):
            cloud.join(jids, timeout=FAST, progress=True)
        assert len(cloud.result(jids, FAST, True, progress=True)) == 4
        slow = cloud.call(wait_for, str(gate))
        for wait in (cloud.join, cloud.result):
            with pytest.raises(cloud.CloudTimeoutError) as caught:
                wait(slow, timeout=0.1, progress=True)
            assert caught.value.jid == [slow]
        with pytest.raises(cloud.CloudException, match="Does not exist"):
            cloud.join(1 << 40, progress=True)
        lines = stderr.getvalue().splitlines()
        assert re.fullmatch(r"4 of 4 ended \(2 done, 2 error\) in .*", lines[1])
        assert [line.split(",")[0] for line in lines[2:]] == ["0 of 1 ended"] * 2


@pytest.mark.parametrize("broken", [None, "closed"])
def test_a_stderr_that_takes_nothing_harms_nothing(
    cloud: ModuleType, monkeypatch: pytest.MonkeyPatch, broken: str | None
) -> None:
    stream = None
    if broken:
        stream = io.StringIO()
        stream.close()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        assert cloud.result(cloud.call(even, 2), timeout=FAST, progress=True) == 2


def test_ctrl_c_ends_it(cloud: ModuleType, gate: Path) -> None:
    with redirect_stderr(io.StringIO()) as stderr:
        jid = cloud.call(wait_for, str(gate))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                cloud.join(jid, timeout=FAST, progress=True)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        assert "picloud-progress" not in {thread.name for thread in threading.enumerate()}
        assert stderr.getvalue() == ""


def test_inside_a_job_it_goes_to_the_jobs_stderr(cloud: ModuleType) -> None:
    def outer() -> int:
        import cloud

        value: int = sum(cloud.result(cloud.map(abs, range(4)), progress=True))
        return value

    jid = cloud.call(outer)
    assert cloud.result(jid, timeout=FAST) == 6
    assert cloud.info(jid, "stderr")[jid]["stderr"].startswith("4 of 4 ended (4 done) in ")


def test_on_a_terminal_it_is_one_line_that_is_drawn_again(home: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    program = (
        "import cloud, os, time\n"
        "def wait(path):\n"
        "    while not os.path.exists(path): time.sleep(0.005)\n"
        f"print(cloud.mp.result(cloud.mp.map(wait, [{str(gate)!r}] * 2), progress=True))\n"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := _read(ours):
            shown += chunk
            if shown.count(b"0 of 2 ended") >= 2:
                gate.write_text("")
        assert process.communicate(timeout=FAST)[0] == b"[None, None]\n"
    finally:
        gate.write_text("")
        os.close(ours)
        process.wait(FAST)
    text = shown.decode()
    assert text.count("\n") == 1
    lines = [line.strip() for line in text.split("\r\x1b[2K")]
    assert lines[0] == ""
    assert re.match(r"\[\.+\] 0 of 2 ended", lines[1])
    assert re.fullmatch(r"\[#+\] 2 of 2 ended \(2 done\) in \d+\.\d s", lines[-1])


def _read(descriptor: int) -> bytes:
    """Return what a terminal shows next; nothing once its program has ended."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
