"""A fork waits for what another thread imports at its first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_FORK = """
import os, sys, threading, time
from picloud.client import loading

def load():
    with loading.lock:
        begun.set()
        import slow, logging

begun = threading.Event()
thread = threading.Thread(target=load)
thread.start()
begun.wait()
child = os.fork()
if not child:
    import slow, logging
    logging.getLogger("x").debug("locks are free")
    os._exit(slow.value)
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


_QUIET = ("-W", "ignore:This process:DeprecationWarning")
"""From 3.12 on Python warns of each fork beside other threads, which is what is tested here."""


def test_no_child_has_half_a_module(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.3)\nvalue = 7\n")
    (tmp_path / "program.py").write_text(_FORK)
    result = subprocess.run(
        [sys.executable, *_QUIET, str(tmp_path / "program.py")], capture_output=True, text=True, timeout=30, check=False
    )
    assert (result.returncode, result.stderr) == (7, "")


def test_a_fork_of_the_thread_that_imports_does_not_wait_for_itself() -> None:
    program = (
        "import os; from picloud.client import loading\n"
        "with loading.lock: child = os.fork()\n"
        "if not child: loading.lock.acquire(); os._exit(7)\n"
        "loading.lock.acquire()\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    result = subprocess.run(
        [sys.executable, *_QUIET, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stderr) == (7, "")
