"""A home is private, its owner's, and writable; anything else is said clearly."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from picloud.exceptions import HomeError
from picloud.node.home import prepare
from picloud.wire import filesystem


def test_folders_are_made_and_private(tmp_path: Path) -> None:
    home = prepare(tmp_path / "a" / "home")
    for folder in (home.path, home.spool, home.segments, home.incoming):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_home_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    prepare(tmp_path / "home")
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(HomeError, match="cannot be used"):
        prepare(tmp_path / "home")


def test_a_home_on_a_network_is_refused_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"27 1 0:1 / {tmp_path.resolve()} rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    with pytest.raises(HomeError, match=r"network file system \(nfs4\)"):
        prepare(tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_home_below_something_unwritable_is_refused() -> None:
    with pytest.raises(HomeError, match="cannot be used"):
        prepare(Path("/proc/picloud-home"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_another_users_home_is_refused_and_untouched(tmp_path: Path) -> None:
    other = tmp_path / "home"
    other.mkdir(mode=0o755)
    os.chown(other, 12345, 12345)
    with pytest.raises(HomeError, match="belongs to user 12345"):
        prepare(other)
    assert stat.S_IMODE(other.stat().st_mode) == 0o755
    assert not list(other.iterdir())
