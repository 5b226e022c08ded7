"""The process of one contender, as whoever measures sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

SERVERS = frozenset({"dask", "ray", "parsl"})
"""Contenders that work when they have nothing to do: they look after their own processes."""
SETTLE = 0.5
"""Seconds that they are given when they go on."""
_FOLDER = Path(__file__).parents[1]


class Contender:
    """One contender's process; it is started when it is asked first."""

    def __init__(self, name: str, kind: str, environment: Mapping[str, str] | None = None) -> None:
        """`environment` comes on top of this process's, less its picloud settings."""
        self.name = name
        """As tables show it."""
        self.kind = kind
        """Which of `process.KINDS` it is."""
        self.environment = dict(environment or {})
        self._process: subprocess.Popen[str] | None = None
        self._stopped: list[psutil.Process] = []

    def begin(self, do: str, **arguments: Any) -> None:
        """Ask for an exercise; `finish` has the answer."""
        if self._process is None:
            base = {key: value for key, value in os.environ.items() if not key.startswith("PICLOUD_")}
            # Parsl finds its programs there.
            base["PATH"] = f"{Path(sys.executable).parent}:{base.get('PATH', os.defpath)}"
            self._process = subprocess.Popen(
                [sys.executable, "-m", "contenders.process", self.kind],
                cwd=_FOLDER,
                # Their workers import what the jobs do.
                env=base | {"PYTHONPATH": str(_FOLDER)} | self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._resume()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "with": arguments}) + "\n")
        self._process.stdin.flush()

    def finish(self) -> Any:
        """Return the answer to what was begun.

        Raises:
            RuntimeError: if the contender died of it.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait()}")
        self._pause()
        return json.loads(line)

    def ask(self, do: str, **arguments: Any) -> Any:
        """Return what the contender measured in an exercise."""
        self.begin(do, **arguments)
        return self.finish()

    def another(self) -> Contender:
        """Return one more process like this one."""
        return Contender(self.name, self.kind, self.environment)

    def close(self) -> None:
        """Let it end."""
        if self._process is None:
            return
        self._resume()
        process, self._process = self._process, None
        tree = []
        if self.kind in SERVERS:
            with suppress(psutil.NoSuchProcess):
                tree = psutil.Process(process.pid).children(recursive=True)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.wait()
        for left in tree:  # Some peers leave helpers behind.
            with suppress(psutil.NoSuchProcess):
                left.kill()

    def _pause(self) -> None:
        """Let a contender that runs servers not use the CPUs of the others while it is not its turn."""
        if self.kind in SERVERS and self._process is not None:
            contender = psutil.Process(self._process.pid)
            self._stopped = [contender, *contender.children(recursive=True)]
            for process in self._stopped:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()

    def _resume(self) -> None:
        """Let it go on, and find itself again."""
        stopped, self._stopped = self._stopped, []
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        if stopped:
            time.sleep(SETTLE)
