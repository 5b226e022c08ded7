"""The middle of what a running item writes goes back to the disk, and nothing else does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.model import arena as layout
from picloud.worker import arena, floods, spool


class Files:
    """An arena with two spools."""

    def __init__(self, folder: Path) -> None:
        self.memory = arena.create()
        self.arena = arena.Arena(self.memory)
        self.out = spool.create(str(folder / "out"))
        self.err = spool.create(str(folder / "err"))

    def cut(self) -> bool:
        return floods.cut(self.memory, self.out, self.err)

    def run_item(self, index: int) -> None:
        self.arena.integers[layout.CURRENT // 8] = index

    def text(self, descriptor: int) -> bytes:
        return os.pread(descriptor, 1 << 24, 0)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    files = Files(tmp_path)
    yield files
    for descriptor in (files.memory, files.out, files.err):
        os.close(descriptor)


def test_nothing_happens_between_items(files: Files) -> None:
    files.arena.begin(1, 0.0, 10)
    os.write(files.out, b"x" * 1000)
    assert not files.cut()
    assert files.text(files.out) == b"x" * 1000


def test_nothing_happens_without_a_limit(files: Files) -> None:
    files.arena.begin(1, 0.0, 0)
    files.run_item(0)
    os.write(files.out, b"x" * 1000)
    assert files.cut()
    assert files.text(files.out) == b"x" * 1000


def test_head_and_tail_of_each_stream_stay(files: Files) -> None:
    files.arena.begin(1, 0.0, 10_000)
    os.write(files.out, b"before" * 1000)
    files.arena.note_output(6000, 0)
    files.run_item(3)
    os.write(files.out, b"x" * 1_000_000)
    os.write(files.err, b"y" * 9_000)
    assert files.cut()
    text = files.text(files.out)
    assert len(text) == 1_006_000
    assert text[:11_000] == b"before" * 1000 + b"x" * 5000
    assert text[11_000:-5000] == bytes(990_000)
    assert text[-5000:] == b"x" * 5000
    assert os.fstat(files.out).st_blocks * 512 < 40_000
    assert files.text(files.err) == b"y" * 9_000


def test_the_next_items_output_is_not_touched(files: Files) -> None:
    """The item may change between two looks; what lies before its beginning belongs to others."""
    files.arena.begin(1, 0.0, 1000)
    os.write(files.out, b"x" * 50_000)
    files.arena.note_output(50_000, 0)
    files.run_item(4)
    os.write(files.out, b"y" * 1000)
    assert files.cut()
    assert files.text(files.out) == b"x" * 50_000 + b"y" * 1000


def test_again_and_again(files: Files) -> None:
    files.arena.begin(1, 0.0, 8192)
    files.run_item(0)
    for _ in range(20):
        os.write(files.out, b"z" * 100_000)
        assert files.cut()
        assert os.fstat(files.out).st_blocks * 512 < 120_000
    text = files.text(files.out)
    assert text.strip(b"\0")[:4096] == text[-4096:] == b"z" * 4096
