"""The arrows of docs/architecture.md hold, and the check is red where one is drawn the wrong way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = {"picloud": ("cloud", "picloud"), "backends": ("picloud_local",)}
"""Source roots and the packages in them."""


def _lint(folder: Path, **environment: str) -> tuple[int, str]:
    program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run(
        [sys.executable, "-c", program, "--config", str(folder / "pyproject.toml"), "--no-cache"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout + result.stderr


def test_imports_go_one_way() -> None:
    status, output = _lint(ROOT)
    assert status == 0, output


VIOLATIONS = {
    "a room that nobody placed": ("picloud/picloud/attic/__init__.py", "", "rooms of the engine"),
    "model imports upwards": ("picloud/picloud/model/wrong.py", "import picloud.wire\n", "rooms of the engine"),
    "siblings import each other": ("picloud/picloud/client/wrong.py", "import picloud.worker\n", "rooms of the engine"),
    "a clock in the scheduler": ("picloud/picloud/scheduler/wrong.py", "import time\n", "pure rooms"),
    "a client that opens the store": (
        "picloud/picloud/client/wrong.py",
        "import picloud.store\n",
        "know nothing of the store",
    ),
    "a node that unpickles": ("picloud/picloud/node/wrong.py", "import picloud.pickling.pickler\n", "never pickles"),
    "the node writes LMDB by itself": ("picloud/picloud/node/wrong.py", "import lmdb\n", "only the store imports"),
    "a worker that needs psutil": ("picloud/picloud/worker/wrong.py", "import psutil\n", "workers can travel"),
    "a client with an event loop": ("picloud/picloud/client/wrong.py", "import asyncio\n", "clients are light"),
    "a client that draws": ("picloud/picloud/client/wrong.py", "import rich\n", "clients are light"),
    "a second file with pluggy": ("picloud/picloud/node/wrong.py", "import pluggy\n", "one file touches"),
    "a plugin with private knowledge": ("backends/picloud_local/wrong.py", "import picloud.wire\n", "our own plugins"),
    "an engine that knows its users": ("picloud/picloud/cli/wrong.py", "import cloud\n", "packages beside"),
}


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the sources and of the contracts."""
    folder = tmp_path_factory.mktemp("skeleton")
    for root, packages in ROOTS.items():
        for package in packages:
            shutil.copytree(
                ROOT / root / package, folder / root / package, ignore=shutil.ignore_patterns("__pycache__")
            )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _lint_skeleton(folder: Path) -> tuple[int, str]:
    return _lint(folder, PYTHONPATH=os.pathsep.join(str(folder / root) for root in ROOTS))


def test_the_skeleton_is_green(skeleton: Path) -> None:
    status, output = _lint_skeleton(skeleton)
    assert status == 0, output


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_wrong_arrow_is_red(what: str, skeleton: Path) -> None:
    path, source, contract = VIOLATIONS[what]
    wrong = skeleton / path
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_text(source)
    try:
        status, output = _lint_skeleton(skeleton)
    finally:
        wrong.unlink()
        if not any(wrong.parent.iterdir()):
            wrong.parent.rmdir()
    assert status == 1, output
    broken = [line.lower() for line in output.splitlines() if " BROKEN" in line]
    assert any(contract in line for line in broken), output
