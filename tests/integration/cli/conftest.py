"""Jobs in a home whose settings this process has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.client import settings


@pytest.fixture
def own_home(home: Path) -> Iterator[Path]:
    """Give a fresh home, and see that the settings of this process name it."""
    settings.reload()
    yield home
    settings.reload()
