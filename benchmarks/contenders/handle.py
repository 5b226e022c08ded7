"""The process of one contender, as whoever measures sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

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
                process_group=0,
            )
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
        process, self._process = self._process, None
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.wait()
        with suppress(ProcessLookupError):  # Some peers leave helpers behind.
            os.killpg(process.pid, signal.SIGKILL)
