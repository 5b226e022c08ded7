"""Which file systems are refused, told from the text of mountinfo."""

from __future__ import annotations

from pathlib import Path

import pytest

from picloud.exceptions import HomeError
from picloud.wire import filesystem

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 27 0:30 / /net/home rw,relatime shared:2 master:1 - nfs4 server:/home rw
32 31 8:1 / /net/home/ann/disk rw - xfs /dev/sda1 rw
33 27 0:31 / /mnt/my\\040share rw - cifs //server/share rw
34 27 0:32 / /mnt/ssh rw - fuse.sshfs host:/ rw
35 34 0:33 / /mnt/ssh rw - tmpfs tmpfs rw
a line of another kind
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/nowhere/else", ("/", "ext4")),
        ("/net/home/ann", ("/net/home", "nfs4")),
        ("/net/homes", ("/", "ext4")),
        ("/net/home/ann/disk/picloud", ("/net/home/ann/disk", "xfs")),
        ("/mnt/my share/x", ("/mnt/my share", "cifs")),
        ("/mnt/ssh", ("/mnt/ssh", "tmpfs")),
    ],
)
def test_the_mount_of_a_folder(folder: str, expected: tuple[str, str]) -> None:
    assert filesystem.mount_of(Path(folder), MOUNTS) == expected


def test_a_home_on_a_network_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    home = tmp_path / "home"
    filesystem.require_local(home)
    mounts.write_text(f"27 1 0:1 / {tmp_path.resolve()} rw - nfs4 server:/ rw\n")
    assert filesystem.network_type(home) == "nfs4"
    with pytest.raises(HomeError, match=r"network file system \(nfs4\)"):
        filesystem.require_local(home)


def test_a_local_folder_is_private_and_always_the_same(tmp_path: Path) -> None:
    home, other = Path("/net/home/ann/.picloud"), Path("/net/home/bob/.picloud")
    folder = filesystem.local_folder_for(home, tmp_path)
    assert folder == filesystem.local_folder_for(home, tmp_path)
    assert folder != filesystem.local_folder_for(other, tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_local_folder_that_is_on_a_network_too_is_no_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"27 1 0:1 / {tmp_path.resolve()} rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    with pytest.raises(HomeError, match=r"network file system \(nfs4\)"):
        filesystem.local_folder_for(Path("/net/home"), tmp_path)


def test_somebody_elses_folder_is_not_used(tmp_path: Path) -> None:
    folder = filesystem.local_folder_for(Path("/net/home"), tmp_path)
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(HomeError, match="not a private folder"):
        filesystem.local_folder_for(Path("/net/home"), tmp_path)
    folder.unlink()
    folder.parent.chmod(0o755)
    with pytest.raises(HomeError, match="not a private folder"):
        filesystem.local_folder_for(Path("/net/home"), tmp_path)
