"""`cloud` in this process on a node of the module's own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from picloud.testing.node import stop_home, temporary_home


@pytest.fixture(autouse=True)
def _hang_up() -> Iterator[None]:
    """Close the connection of each test, so that what is left open afterwards is a leak."""
    yield
    close: Callable[[], object] | None = getattr(sys.modules.get("cloud"), "close", None)
    if close is not None:
        close()


@pytest.fixture(scope="module")
def cpus() -> str:
    """Return how many CPUs the module's node may use: all, unless a module or folder says otherwise."""
    return ""


@pytest.fixture(scope="module")
def cloud(cpus: str) -> Iterator[ModuleType]:
    """Give `cloud` on a node that has run a job."""
    import cloud as module

    home = temporary_home()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PICLOUD_HOME", str(home))
        patch.setenv("PICLOUD_DURABILITY", "process")
        if cpus:
            patch.setenv("PICLOUD_CPUS", cpus)
        module.config.commit()
        module.result(module.call(abs, -1), timeout=60)
        module.close()
        yield module
        module.close()
        left = stop_home(home)
    shutil.rmtree(home, ignore_errors=True)
    module.config.commit()
    assert not left, left


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Give a file that jobs wait for; it is there afterwards, so that none waits on."""
    yield tmp_path / "gate"
    (tmp_path / "gate").touch()
