"""cloud.config: defaults, getting, setting with coercion, refusing, commit; and that a setting has its effect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cloud as package
from picloud.client import settings
from picloud.model.settings import NAMES, Settings

FAST = 30

AS_IN_PICLOUD: dict[str, Any] = {
    "api_key": "None",
    "api_secretkey": "None",
    "use_simulator": False,
    "log_filename": "cloud.log",
    "print_log_level": "ERROR",
    "purge_days": 7,
    "serialize_logging": False,
    "serialize_logging_path": "datalogs/",
    "automatic_dependency_transfer": True,
    "cloud_status_cache_size": 65536,
    "cloud_result_cache_size": 4096,
}
DIFFERENT: dict[str, tuple[Any, Any]] = {
    "num_procs": (8, 0),
    "max_transmit_data": (1_000_000, 0),
    "log_level": ("DEBUG", "INFO"),
    "save_log": (True, False),
    "force_serialize_logging": (True, False),
}
"""What the default was, and what it is; docs/migration.md has the reasons."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    settings.forget()


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PICLOUD_")]:
        monkeypatch.delenv(name)
    package.config.commit()
    for name, value in AS_IN_PICLOUD.items():
        assert getattr(package.config, name) == value, name
        assert type(getattr(package.config, name)) is type(value)
    for name, (before, now) in DIFFERENT.items():
        assert getattr(package.config, name) == now != before, name
    assert {name: getattr(package.config, name) for name in NAMES} == {
        name: getattr(Settings(), name) for name in NAMES
    }


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("max_transmit_data", "1000", 1000),
        ("max_transmit_data", 1000.0, 1000),
        ("num_procs", True, 1),
        ("idle_time", "2", 2.0),
        ("use_simulator", "yes", True),
        ("use_simulator", 0, False),
        ("api_key", 4711, "4711"),
        ("cpus", 2, "2"),
    ],
)
def test_a_value_takes_the_type_of_the_default(name: str, given: Any, kept: Any) -> None:
    setattr(package.config, name, given)
    found = getattr(package.config, name)
    assert (type(found), found) == (type(kept), kept)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("max_transmit_data", "much"),
        ("max_transmit_data", None),
        ("num_procs", "two"),
        ("num_procs", [2]),
        ("num_procs", float("inf")),
        ("num_procs", float("nan")),
        ("use_simulator", "perhaps"),
        ("use_simulator", 2),
        ("idle_time", "soon"),
        ("durability", "never"),
    ],
)
def test_what_cannot_take_it_is_a_value_error_and_changes_nothing(name: str, given: Any) -> None:
    before = getattr(package.config, name)
    with pytest.raises(ValueError, match=rf"^The setting {name} \(or PICLOUD_{name.upper()}\) cannot be "):
        setattr(package.config, name, given)
    assert getattr(package.config, name) == before


@pytest.mark.parametrize("name", ["max_transmit", "use_gzip", "server_list_url", "proxy_server"])
def test_a_setting_that_does_not_exist_is_an_attribute_error(name: str) -> None:
    """Also one of the service's, which would otherwise seem to have an effect."""
    for use in (lambda: getattr(package.config, name), lambda: setattr(package.config, name, 1)):
        with pytest.raises(AttributeError, match=f"There is no setting '{name}'; settings are home, durability"):
            use()


def test_commit_closes_what_is_open_and_keeps_what_was_set(cloud: ModuleType) -> None:
    cloud.join(cloud.call(abs, -1), timeout=FAST)
    cloud.config.max_output = 100
    assert cloud.connection_info()["opened"] is True
    assert cloud.config.commit() is None
    assert cloud.connection_info()["opened"] is False
    assert cloud.config.max_output == 100
    assert cloud.result(cloud.call(abs, -2), timeout=FAST) == 2


def test_commit_forgets_jobs_of_mp_and_the_choice_of_a_simulator(home: Path) -> None:
    package.config.num_procs = 1
    jid = package.mp.call(abs, -1)
    package.mp.join(jid, timeout=FAST)
    package.start_simulator()
    assert package.is_simulated()
    package.config.commit()
    assert not package.is_simulated()
    assert package.mp.connection_info()["opened"] is False


def test_max_transmit_data_is_enforced_with_the_documented_words(cloud: ModuleType) -> None:
    cloud.join(cloud.call(abs, -1), timeout=FAST)
    cloud.config.max_transmit_data = 1000
    cloud.config.commit()
    with pytest.raises(cloud.CloudException, match=r"^Excessive data \(\d+ bytes\) transmitted"):
        cloud.call(len, "a" * 2000)
    assert cloud.result(cloud.call(len, "a" * 500), timeout=FAST) == 500


def test_modules_stay_here_without_automatic_dependency_transfer(cloud: ModuleType) -> None:
    def bundle() -> object:
        from picloud.model import bundle

        return len(bundle.installed.modules) if bundle.installed is not None else 0

    assert cloud.result(cloud.call(bundle), timeout=FAST) > 0
    cloud.config.automatic_dependency_transfer = False
    cloud.config.commit()
    assert cloud.result(cloud.call(bundle), timeout=FAST) == 0
