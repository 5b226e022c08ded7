"""`cloud` in this process on a node of the module's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from types import ModuleType

import pytest

from picloud.testing.node import stop_home, temporary_home


@pytest.fixture(scope="module")
def cloud() -> Iterator[ModuleType]:
    """Give `cloud`, connected: what the module's tests find open is no leak of theirs."""
    import cloud as module

    home = temporary_home()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PICLOUD_HOME", str(home))
        patch.setenv("PICLOUD_DURABILITY", "process")
        module.config.commit()
        module.result(module.call(abs, -1), timeout=60)
        yield module
        module.close()
        left = stop_home(home)
    shutil.rmtree(home, ignore_errors=True)
    module.config.commit()
    assert not left, left
