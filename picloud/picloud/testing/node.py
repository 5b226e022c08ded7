"""A node for the time of a test, and what a test needs to know about the processes of a home.

Everything here looks at the kernel's process table: a node is a program beside the test, never imported into it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from picloud.exceptions import from_wire

NODE_MODULE = "picloud.node.main"
"""The module that is run as the node."""
HOME_VARIABLE = "PICLOUD_HOME"
"""The environment variable that names the home."""

_STEP = 0.01


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node in the foreground, child of the test."""

    home: Path
    """Its home."""
    process: subprocess.Popen[bytes]
    """The node itself."""


@contextmanager
def running_node(home: Path | None = None, *, patience: float = 20.0, **environment: str) -> Iterator[RunningNode]:
    """Run a node on `home`, or on a new one that is removed afterwards, with `environment` on top of the test's own.

    Its log goes to the test's stderr. At the end it is asked to stop, and everything of its home must be gone within
    `patience` seconds.

    Raises:
        CloudException: what the node said when it could not start.
        RuntimeError: it said nothing in time, or left processes behind.
    """
    folder = temporary_home() if home is None else home
    left: list[str] = []
    try:
        with subprocess.Popen(
            [sys.executable, "-P", "-m", NODE_MODULE, "--home", str(folder), "--foreground"],
            env=os.environ | {HOME_VARIABLE: str(folder)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        ) as process:
            try:
                _wait_until_ready(process, patience)
                yield RunningNode(folder, process)
            finally:
                left = stop_home(folder, patience)
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
    if left:
        raise RuntimeError(f"processes outlived the node: {'; '.join(left)}")


def _wait_until_ready(process: subprocess.Popen[bytes], patience: float) -> None:
    """Read the one line in which a node says whether it listens."""
    assert process.stdout is not None
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    line = process.stdout.readline() if poll.poll(patience * 1000) else b""
    facts = json.loads(line) if line else {}
    if "error" in facts:
        raise from_wire(facts["error"])
    if not facts.get("ready"):
        raise RuntimeError(f"the node did not start: {line.decode() or 'it said nothing'}")


def temporary_home() -> Path:
    """Return a new private folder for a home, on a path short enough for a socket in it."""
    return Path(tempfile.mkdtemp(prefix="pc-"))


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the living processes that carry a home in their environment or on their command line; not this one."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _carries(process, str(home))]


def _carries(process: psutil.Process, home: str) -> bool:
    try:
        return process.environ().get(HOME_VARIABLE) == home or home in process.cmdline()
    except psutil.Error:
        return False


def stop_home(home: Path, patience: float = 20.0) -> list[str]:
    """End the node of a home as SIGTERM does, after some seconds as SIGKILL does.

    Returns:
        What still carried the home when the node had been gone for `patience` seconds, described; it has been killed since.
    """
    _end_node(home, min(patience, 5.0))
    deadline = time.monotonic() + patience
    while (left := processes_of(home)) and time.monotonic() < deadline:
        time.sleep(_STEP)
    described = [_describe(process) for process in left]
    for process in left:
        _send(process, signal.SIGKILL)
    return described


def _end_node(home: Path, grace: float) -> None:
    nodes = [process for process in processes_of(home) if _is_node(process)]
    for process in nodes:
        _send(process, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while (stubborn := [process for process in nodes if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(_STEP)
    for process in stubborn:
        _send(process, signal.SIGKILL)


def _runs(process: psutil.Process) -> bool:
    """Return whether a process has not ended; whoever has to collect it may take long for that."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_node(process: psutil.Process) -> bool:
    try:
        return NODE_MODULE in process.cmdline()
    except psutil.Error:
        return False


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _describe(process: psutil.Process) -> str:
    try:
        return f"pid {process.pid} ({' '.join(process.cmdline()) or process.name()})"
    except psutil.Error:
        return f"pid {process.pid}"
