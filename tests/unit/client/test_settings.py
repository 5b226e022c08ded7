"""The settings of a client process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.client import settings
from picloud.exceptions import ArgumentValueError
from picloud.model.settings import NAMES, Durability, Settings, from_environment


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    settings.forget()
    yield
    settings.forget()


def test_the_environment_is_read_again_after_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.current().max_transmit_data == 0
    monkeypatch.setenv("PICLOUD_MAX_TRANSMIT_DATA", "12")
    assert settings.current().max_transmit_data == 0
    settings.reload()
    assert settings.current().max_transmit_data == 12


def test_what_was_assigned_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICLOUD_CPUS", "1")
    settings.assign("cpus", 2)
    settings.reload()
    assert settings.current().cpus == "2"
    settings.forget()
    assert settings.current().cpus == "1"


def test_a_bad_value_changes_nothing() -> None:
    settings.assign("durability", "process")
    with pytest.raises(ArgumentValueError, match=r"durability.*cannot be 'never'; it is power or process"):
        settings.assign("durability", "never")
    assert settings.current().durability is Durability.PROCESS


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICLOUD_IDLE_TIME", "soon")
    with pytest.raises(ArgumentValueError, match=r"PICLOUD_IDLE_TIME.*'soon'"):
        settings.current()


def test_the_home_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.chdir(tmp_path)
    assert settings.home_of(Settings()) == Path("/home/someone/.picloud")
    assert settings.home_of(Settings(home="~/jobs")) == Path("/home/someone/jobs")
    assert settings.home_of(Settings(home="here")) == tmp_path / "here"


def test_a_node_reads_what_a_client_writes() -> None:
    changed: dict[str, object] = {}
    for name in NAMES:
        default = getattr(Settings(), name)
        if isinstance(default, bool):
            changed[name] = not default
        else:
            changed[name] = 7 if isinstance(default, (int, float)) else "process"
    values = Settings().changed(**changed | {"log_level": "DEBUG", "print_log_level": "DEBUG"})
    assert from_environment(settings.to_environment(values)) == values
    assert settings.to_environment(Settings()) == {}
