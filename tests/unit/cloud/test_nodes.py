"""Which node is talked to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import cloud
from cloud import _nodes
from picloud.client import settings
from picloud.exceptions import CloudException
from picloud.model import running


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    _nodes._choice.simulated = None
    _nodes._choice.immutable = False
    settings.forget()


def test_the_simulator_is_chosen_and_left() -> None:
    assert not cloud.is_simulated()
    cloud.start_simulator()
    assert cloud.is_simulated()
    cloud.config.num_procs = 5
    assert cloud.connection_info() == {"opened": False, "connection_type": "simulation", "num_procs": 5}
    cloud.setkey()
    assert cloud.is_simulated()
    cloud.setkey(5, "secret")
    assert not cloud.is_simulated()
    assert cloud.config.api_key == "5"


def test_the_setting_chooses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICLOUD_USE_SIMULATOR", "1")
    settings.reload()
    assert cloud.is_simulated()


def test_an_immutable_choice() -> None:
    cloud.setkey(1, immutable=True)
    cloud.start_simulator()
    assert not cloud.is_simulated()


def test_another_machine_is_refused() -> None:
    with pytest.raises(CloudException, match="node at http://there cannot be reached"):
        cloud.setkey(1, "x", "http://there")


def test_inside_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.start_simulator()
    monkeypatch.setenv("PICLOUD_WORKER", "3")
    assert cloud.running_on_cloud()
    assert not cloud.is_simulated()
    session = _nodes.open_private("Simulation")
    assert not session.is_private
    monkeypatch.delenv("PICLOUD_WORKER")
    assert not cloud.running_on_cloud()
    monkeypatch.setattr(running, "current", object())
    assert cloud.running_on_cloud()


def test_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PICLOUD_HOME", str(tmp_path))
    assert cloud.getconfigpath() == str(tmp_path)


def test_a_private_home_is_a_folder_of_its_own() -> None:
    session = _nodes.open_private("Simulation")
    try:
        assert session.is_private
        assert session.home != _nodes.open_private("Simulation").home
        assert not session.home.exists()
        assert session.settings.durability == "process"
    finally:
        session.close()
