"""Two CPUs, programs that are clients, and what is sent to nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picloud.client.connection import Connection

from .clients import Clients, running


@pytest.fixture(scope="module")
def cpus() -> str:
    """Return how many CPUs the module's node may use: two, unless the module says otherwise."""
    return "2"


@pytest.fixture
def clients(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Give a folder for programs that are clients of a home of the test's own."""
    monkeypatch.setenv("PICLOUD_DURABILITY", "process")
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Give the list of all messages that are sent to nodes from now on."""
    sent: list[object] = []
    send = Connection.send

    def note(connection: Connection, message: Any, *body: Any) -> None:
        sent.append(message)
        send(connection, message, *body)

    monkeypatch.setattr(Connection, "send", note)
    return sent
