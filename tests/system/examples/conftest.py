"""Running an example as a person does: as a file, with another working folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"

Run = Callable[..., list[str]]


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs an example on a fresh home, and gives the lines that it printed."""
    monkeypatch.setenv("PICLOUD_DURABILITY", "process")

    def run_example(name: str, *words: str) -> list[str]:
        result = subprocess.run(
            [sys.executable, str(EXAMPLES / name), *words],
            cwd=tmp_path,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        return result.stdout.splitlines()

    return run_example
