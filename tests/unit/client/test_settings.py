"""The settings of a client process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.client import settings
from picloud.exceptions import ArgumentValueError
from picloud.model.settings import NAMES, Durability, Settings, from_environment
from picloud.wire import filesystem


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


def test_the_default_home_on_a_network_makes_room_for_a_local_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"27 1 0:1 / {tmp_path.resolve()} rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.warns(RuntimeWarning, match=r"network file system \(nfs4\).*set PICLOUD_HOME"):
        found = settings.home_of(Settings())
    try:
        assert found.is_relative_to("/var/tmp")
        assert found.stat().st_mode & 0o777 == 0o700
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert settings.home_of(Settings()) == found
            assert settings.home_of(Settings(home=str(tmp_path))) == tmp_path
    finally:
        found.rmdir()


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
