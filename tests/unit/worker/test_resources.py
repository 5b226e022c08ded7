"""Data files that came along, as the standard library reads them."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import pytest

from picloud.model.bundle import Bundle, Source
from picloud.worker.resources import Carried, Entry, Reader

ROOT = "/gone/package"
BUNDLE = Bundle(
    {"package": Source(f"{ROOT}/__init__.py", True, "X = 'é'\n")},
    {},
    {f"{ROOT}/a.txt": "é\r\n".encode(), f"{ROOT}/deep/b": b"\0"},
    {f"{ROOT}/large": 12345},
)


@pytest.fixture
def root() -> Entry:
    return Reader(Entry(Carried(BUNDLE), ROOT)).files()


def test_contents(root: Entry) -> None:
    assert (root / "a.txt").read_bytes() == "é\r\n".encode()
    assert (root / "a.txt").read_text("utf-8") == "é\n"
    assert root.joinpath("deep", "b").read_bytes() == b"\0"
    assert root.joinpath("deep/b").open("rb").read() == b"\0"
    assert (root / "__init__.py").read_text("utf-8") == "X = 'é'\n"
    with (root / "a.txt").open(encoding="utf-8", newline="") as file:
        assert file.read() == "é\r\n"
    with pytest.raises(ValueError, match="for reading alone"):
        (root / "a.txt").open("w")


def test_folders(root: Entry) -> None:
    assert [entry.name for entry in root.iterdir()] == ["__init__.py", "a.txt", "deep", "large"]
    assert (root / "deep").is_dir()
    assert not (root / "deep").is_file()
    assert (root / "deep" / "b").is_file()
    assert not (root / "nothing").is_file()
    assert not (root / "nothing").is_dir()
    with pytest.raises(FileNotFoundError):
        list((root / "nothing").iterdir())


def test_a_real_file_where_one_is_needed(root: Entry) -> None:
    with importlib.resources.as_file(root / "a.txt") as path:
        assert path.read_bytes() == "é\r\n".encode()
    assert not path.exists()


def test_what_was_too_large_says_so(root: Entry) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (root / "large").read_bytes()
    assert "It has 12345 bytes, and did not travel with the job" in caught.value.__notes__[0]
    with pytest.raises(FileNotFoundError) as caught:
        (root / "nothing").read_bytes()
    assert not hasattr(caught.value, "__notes__")


def test_what_did_not_travel_is_read_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"there")
    (tmp_path / "more").touch()
    root = Entry(Carried(Bundle(left={str(tmp_path / "large"): 5})), str(tmp_path))
    assert (root / "large").read_bytes() == b"there"
    assert [entry.name for entry in root.iterdir()] == ["large", "more"]
