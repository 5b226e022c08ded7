"""A shell for tests: the commands as people type them, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PICLOUD = (sys.executable, "-m", "picloud.cli.main")


class Shell:
    """Runs `picloud` and Python programs on one home."""

    def __init__(self, home: Path, folder: Path) -> None:
        """Run them in a folder."""
        self.home = home
        self.folder = folder

    def run(self, *words: str, status: int = 0, home: Path | None = None) -> tuple[str, str]:
        """Return what `picloud` printed on stdout and stderr; its exit status must be `status`."""
        result = subprocess.run(
            [*PICLOUD, *words],
            cwd=self.folder,
            env=os.environ | {"PICLOUD_HOME": str(home or self.home)},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert result.returncode == status, (result.stdout, result.stderr)
        return result.stdout, result.stderr

    def text(self, *words: str) -> str:
        """Return what a command that goes well prints."""
        out, err = self.run(*words)
        assert err == ""
        return out

    def json(self, *words: str) -> Any:
        """Return the JSON value that a command prints."""
        return json.loads(self.text("--json", *words))

    def error(self, *words: str, status: int = 1) -> dict[str, Any]:
        """Return the facts of the error that a command ends with."""
        out, err = self.run("--json", *words, status=status)
        assert out == ""
        facts: dict[str, Any] = json.loads(err)["error"]
        return facts

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Return a command that goes on running."""
        return subprocess.Popen([*PICLOUD, *words], cwd=self.folder, stdout=subprocess.PIPE, text=True)

    def python(self, program: str) -> None:
        """Run a Python program that uses `cloud`."""
        path = self.folder / "program.py"
        path.write_text(f"import time, cloud\n{program}\n")
        subprocess.run([sys.executable, str(path)], cwd=self.folder, check=True, timeout=40)


@pytest.fixture
def shell(home: Path, tmp_path: Path) -> Shell:
    """Give a shell on a fresh home."""
    return Shell(home, tmp_path)
