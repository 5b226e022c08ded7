"""Files that records name: accepting, freeing, unlinking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from picloud.store import segments
from picloud.store.keys import FileKind


def test_a_segment_gets_its_final_name(store: Any) -> None:
    store.write_segment("one", b"abc")
    assert segments.path(store.home, FileKind.SEGMENT, "one").read_bytes() == b"abc"
    assert segments.size(store.home, FileKind.SEGMENT, "one") == 3
    assert list(segments.files(segments.incoming(store.home))) == []


def test_a_segment_that_was_accepted_before_is_fine(store: Any) -> None:
    store.write_segment("one")
    assert segments.accept(store.home, "one").name == "one"


def test_a_segment_that_was_never_written(store: Any) -> None:
    with pytest.raises(FileNotFoundError):
        segments.accept(store.home, "missing")


def test_a_segment_cannot_lead_elsewhere(store: Any, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(ValueError, match="cannot be the name"):
        segments.accept(store.home, "../../precious")
    with pytest.raises(ValueError, match="cannot be the name"):
        segments.unlink(store.home, FileKind.SEGMENT, ["../../precious"])
    assert (tmp_path / "precious").exists()


def test_unlinking_counts_what_was_there(store: Any) -> None:
    store.write_segment("one")
    assert segments.unlink(store.home, FileKind.SEGMENT, ["one", "two"]) == 1
    assert segments.size(store.home, FileKind.SEGMENT, "one") == 0


def test_a_missing_folder_has_no_files(tmp_path: Path) -> None:
    assert list(segments.files(tmp_path / "none")) == []
