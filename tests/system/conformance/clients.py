"""Clients that are programs of their own, for what can only be seen from outside: signals, forks, ends, what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeVar

from picloud.testing.node import processes_of

T = TypeVar("T")

HEAD = "import json, os, signal, sys, threading, time\nimport cloud\n"
"""What every program begins with."""
FORKS = {"PYTHONWARNINGS": "ignore:This process:DeprecationWarning"}
"""From 3.12 on Python warns of each fork beside other threads, which is what programs here do on purpose."""


def until(look: Callable[[], T], seconds: float = 30.0) -> T:
    """Return the first true thing that `look` finds."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return found


def nothing_is_left_of(private: str) -> None:
    """See that a private home and every process of it go."""
    home = Path(private)
    assert home.name.startswith("picloud-")
    until(lambda: not home.exists() and not processes_of(home))


class Clients:
    """Programs in one folder."""

    def __init__(self, folder: Path) -> None:
        """Write programs into this folder."""
        self.folder = folder
        self._started: list[subprocess.Popen[str]] = []

    def start(self, text: str, *, head: str = HEAD, options: tuple[str, ...] = (), **environment: str) -> Any:
        """Return a running program, in a process group of its own."""
        path = self.folder / f"program{len(self._started)}.py"
        path.write_text(head + dedent(text))
        process = subprocess.Popen(
            [sys.executable, *options, str(path)],
            cwd=self.folder,
            env=os.environ | FORKS | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._started.append(process)
        return process

    def run(self, text: str, *, head: str = HEAD, options: tuple[str, ...] = (), **environment: str) -> Any:
        """Run a program that says nothing on stderr, and return the JSON value that it printed last."""
        return self.finish(self.start(text, head=head, options=options, **environment))

    @staticmethod
    def finish(process: subprocess.Popen[str], status: int = 0) -> Any:
        """Return the JSON value that a program printed last, at its end."""
        out, err = process.communicate(timeout=50)
        assert (process.returncode, err) == (status, ""), err
        return json.loads(out.splitlines()[-1]) if out else None

    @staticmethod
    def line(process: subprocess.Popen[str]) -> str:
        """Return the next line that a program prints."""
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def end(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


@contextmanager
def running(folder: Path) -> Iterator[Clients]:
    """Give programs in a folder, and end them."""
    clients = Clients(folder)
    try:
        yield clients
    finally:
        clients.end()
