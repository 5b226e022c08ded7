"""Homes that cannot be used: not writable, somebody else's, no folder; each is one error that says what to do."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from picloud.exceptions import HomeError
from picloud.testing.node import stop_home

from .conftest import picloud

_ADVICE = "set PICLOUD_HOME to a folder of your own"
_ASK = """
import cloud
from picloud.exceptions import HomeError
try:
    cloud.call(abs, -1)
except HomeError as error:
    print(f"{error.code}|{error.parameter}|{error.hint}")
"""


def _without_power_over_files() -> None:
    """Take from a process of root's, for good, what lets it write where modes forbid it: CAP_DAC_OVERRIDE and its kin."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):
        assert libc.prctl(24, capability, 0, 0, 0) == 0


def _ask_as_an_ordinary_user(home: Path) -> list[str]:
    """Return code, message and hint of the error that `cloud.call` raises for somebody whom modes hold back."""
    result = subprocess.run(
        [sys.executable, "-c", _ASK],
        env=os.environ | {"PICLOUD_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=40,
        check=True,
        preexec_fn=_without_power_over_files if os.geteuid() == 0 else None,
    )
    return result.stdout.strip().split("|")


def _use(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("PICLOUD_HOME", str(home))
    cloud.config.commit()


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that nobody may write to."""
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)


def test_a_home_that_cannot_be_made(sealed: Path) -> None:
    code, message, hint = _ask_as_an_ordinary_user(sealed / "home")
    assert code == "node.home"
    assert message == f"PICLOUD_HOME {sealed / 'home'} cannot be used: Permission denied"
    assert hint.startswith(_ADVICE)
    assert not any(sealed.iterdir())


def test_a_store_that_cannot_be_written_keeps_what_it_has(cloud: ModuleType, home: Path) -> None:
    jid = cloud.call(abs, -4)
    cloud.join(jid)
    cloud.close()
    assert stop_home(home) == []
    (home / "store").chmod(0o500)
    code, message, hint = _ask_as_an_ordinary_user(home)
    assert code == "node.home"
    assert "cannot be written" in message
    assert "PICLOUD_HOME" in hint
    (home / "store").chmod(0o700)
    assert cloud.result(jid) == 4


@pytest.mark.parametrize("place", ["file", "under a file", "under /proc"])
def test_a_home_where_no_folder_can_be(
    place: str, cloud: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    home = {"file": file, "under a file": file / "home", "under /proc": Path("/proc/home")}[place]
    _use(cloud, monkeypatch, home)
    with pytest.raises(HomeError) as caught:
        cloud.call(abs, -1)
    assert str(caught.value).startswith(f"PICLOUD_HOME {home} cannot be used: ")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(_ADVICE)
    assert picloud("status", "1", status=3)["code"] == "node.home"
    assert file.read_text() == "mine"


def test_a_home_of_another_user(cloud: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path("/usr")
    if os.geteuid() == 0:
        home = tmp_path / "theirs"
        home.mkdir(mode=0o755)
        os.chown(home, 65534, 65534)
    owner, before = home.stat().st_uid, sorted(home.iterdir())
    _use(cloud, monkeypatch, home)
    asks: list[Callable[[], object]] = [lambda: cloud.call(abs, -1), lambda: cloud.status(1)]
    for ask in asks:
        with pytest.raises(HomeError) as caught:
            ask()
        assert caught.value.parameter == (
            f"PICLOUD_HOME {home} belongs to user {owner}, not to you (user {os.geteuid()})"
        )
        assert caught.value.hint is not None
        assert caught.value.hint.startswith(_ADVICE)
    assert picloud("status", "1", status=3)["code"] == "node.home"
    assert sorted(home.iterdir()) == before
