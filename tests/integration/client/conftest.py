"""What tests of the client's side share: the interface on a node of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud._jobs import Jobs
from picloud.client.session import Session
from picloud.model.settings import Durability, Settings


@pytest.fixture
def jobs(home: Path) -> Iterator[Jobs]:
    """Give jobs on a node of their own."""
    settings = Settings(home=str(home), durability=Durability.PROCESS)
    made = Jobs("tests", "jobs", lambda: Session(settings), dict)
    yield made
    made.close()
