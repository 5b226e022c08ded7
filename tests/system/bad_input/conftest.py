"""What these tests share: a client in this process, the command line, and other users' programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def cloud(home: Path) -> Iterator[ModuleType]:
    """Give `cloud` in this process, on a fresh home."""
    import cloud as module

    module.config.commit()
    yield module
    module.close()


def picloud(*words: str, status: int) -> dict[str, Any]:
    """Return the facts of the error that a command of `picloud` ends with, and see that its exit status is the one expected."""
    result = subprocess.run(
        [sys.executable, "-m", "picloud.cli.main", "--json", *words],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert result.returncode == status, result.stderr
    facts: dict[str, Any] = json.loads(result.stderr)["error"]
    return facts
