"""What these tests share: a client in this process, clients that are programs of their own, and waiting with a deadline."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import psutil
import pytest

T = TypeVar("T")


def until(look: Callable[[], T], seconds: float = 20.0) -> T:
    """Return the first true thing that `look` finds."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return found


def lives(process: psutil.Process) -> bool:
    """Return whether a process runs; one that nobody collected does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def none_lives(processes: list[psutil.Process]) -> bool:
    """Return whether all of them have ended."""
    return not any(map(lives, processes))


def grown(folder: Path) -> list[psutil.Process]:
    """Return the processes of a tree that `tree.grow` has grown, the worker first."""
    until((folder / "pids").exists)
    processes = [psutil.Process(pid) for pid in json.loads((folder / "pids").read_text())]
    assert all(map(lives, processes))
    return processes


@pytest.fixture
def cloud(home: Path) -> Iterator[ModuleType]:
    """Give `cloud` in this process, on a fresh home, with the settings that the environment has now."""
    import cloud as module

    module.config.commit()
    yield module
    module.close()


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one job run at a time, in one worker: to be asked for before the client."""
    monkeypatch.setenv("PICLOUD_CPUS", "1")


class Programs:
    """Clients of one home that are processes of their own, in a folder with the module `tree`."""

    def __init__(self, folder: Path) -> None:
        """Write programs into this folder."""
        self.folder = folder
        self._started: list[subprocess.Popen[str]] = []
        shutil.copy(Path(__file__).with_name("tree.py"), folder)

    def start(self, text: str, *, python: str = sys.executable, **environment: str) -> subprocess.Popen[str]:
        """Return a program that goes on running."""
        path = self.folder / f"program{len(self._started)}.py"
        path.write_text(f"import os, sys, time\nimport cloud\n{text}\n")
        process = subprocess.Popen(
            [python, str(path)],
            cwd=self.folder,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(self, text: str, **options: str) -> Any:
        """Run a program and return the JSON value that it printed last."""
        return self.finish(self.start(text, **options))

    @staticmethod
    def finish(process: subprocess.Popen[str]) -> Any:
        """Return the JSON value that a program printed last, at its end."""
        out, err = process.communicate(timeout=40)
        assert process.returncode == 0, err
        return json.loads(out.splitlines()[-1]) if out else None

    def end(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


@pytest.fixture
def programs(home: Path, tmp_path: Path) -> Iterator[Programs]:
    """Give clients that are programs of their own."""
    found = Programs(tmp_path)
    yield found
    found.end()
