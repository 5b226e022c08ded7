"""Which data files of a package travel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from picloud.client import resources
from picloud.client.resources import PackageData, Resources


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    for name in ("__init__.py", "code.py", "a.txt", "deep/b.csv", "deep/code.py", "deep/down/c", "__pycache__/x.bin"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def names(data: PackageData, folder: Path) -> dict[str, str]:
    return {str(Path(path).relative_to(folder)): content.decode() for path, content in data.files.items()}


def test_all_below_that_is_no_code(package: Path) -> None:
    for name in (".secret", "lib.so", "x.pyc", "run.log", ".git/config", "node_modules/y", "venv/pyvenv.cfg", "venv/z"):
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).touch()
    data = Resources().look([str(package)])
    assert names(data, package) == {"a.txt": "a.txt", "deep/b.csv": "deep/b.csv", "deep/down/c": "deep/down/c"}
    assert data.left == {}


def test_packages_in_packages_are_looked_at_once(package: Path) -> None:
    data = Resources().look([str(package / "deep"), str(package), str(package / "deep")])
    assert data == Resources().look([str(package)])
    assert len({path for path, _ in data.seen}) == len(data.seen)


def test_what_was_seen_tells_every_change(package: Path) -> None:
    def state() -> list[tuple[str, int, int]]:
        return [(path, os.stat(path).st_mtime_ns, os.stat(path).st_ino) for path, _ in data.seen]

    data = Resources().look([str(package)])
    assert state() == [(path, seen.mtime, seen.inode) for path, seen in data.seen]
    paths = {path for path, _ in data.seen}
    assert {str(package), str(package / "deep"), str(package / "deep" / "b.csv")} <= paths


def test_files_are_read_again_only_when_they_changed(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Resources()
    before = found.look([str(package)])
    (package / "a.txt").write_text("another")
    (package / "new").write_text("new")
    (package / "deep" / "b.csv").unlink()
    read: list[str] = []
    original = resources._content

    def noting(path: str) -> bytes | None:
        read.append(path)
        return original(path)

    monkeypatch.setattr(resources, "_content", noting)
    after = found.look([str(package)])
    assert names(after, package) == {"a.txt": "another", "new": "new", "deep/down/c": "deep/down/c"}
    assert sorted(map(os.path.basename, read)) == ["a.txt", "new"]
    assert names(before, package)["a.txt"] == "a.txt"


def test_the_largest_stay_behind_above_the_bound(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "large").write_bytes(bytes(1000))
    monkeypatch.setattr(resources, "MAX_DATA", 500)
    data = Resources().look([str(package)])
    assert set(names(data, package)) == {"a.txt", "deep/b.csv", "deep/down/c"}
    assert data.left == {str(package / "large"): 1000}
    monkeypatch.setattr(resources, "MAX_FILES", 2)
    data = Resources().look([str(package)])
    assert len(data.files) == 2
    assert len(data.left) == 2


def test_a_huge_folder_is_not_walked_to_its_end(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        (package / f"folder{number}").mkdir()
        (package / f"folder{number}" / "file").touch()
    monkeypatch.setattr(resources, "MAX_ENTRIES", 40)
    assert len(Resources().look([str(package)]).files) < 20


def test_what_cannot_be_read_is_left_out(package: Path) -> None:
    os.mkfifo(package / "pipe")
    (package / "dangling").symlink_to("/nonexistent")
    (package / "loop").symlink_to(package)
    assert len(Resources().look([str(package), "/nonexistent"]).files) == 3


def test_what_has_not_changed_is_not_walked_again(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Resources()
    before = found.look([str(package)])
    monkeypatch.setattr(resources, "_walk", None)
    assert found.look([str(package)]) is before
