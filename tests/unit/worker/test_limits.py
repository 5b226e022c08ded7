"""Bounds that need no process to be looked at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from picloud.worker import limits
from picloud.worker.limits import Watch


def test_memory_above_the_bound_is_a_reason() -> None:
    assert "MiB of memory" in Watch(bound=1).reason()
    assert "memory" not in Watch(bound=1 << 50).reason()


def test_the_bound_is_half_a_share_of_the_machine() -> None:
    assert 256 << 20 <= limits.memory_bound() < 1 << 50


def test_libraries_are_known_by_their_folders() -> None:
    roots = limits.library_roots()
    assert Path(limits.__file__).name == "limits.py"
    assert json_file().startswith(roots)
    assert not "/home/somebody/project.py".startswith(roots)


def json_file() -> str:
    import json

    return json.__file__


@pytest.mark.parametrize("change", ["edited", "removed", "touched", "nothing"])
def test_a_module_from_the_disk_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "picloud_watched_module.py"
    module.write_text("VALUE = 1\n")
    watch = Watch()
    __import__(module.stem)
    try:
        watch.reason()
        assert watch.changed_module() == ""
        if change == "edited":
            module.write_text("VALUE = 10\n")
        elif change == "removed":
            module.unlink()
        elif change == "touched":
            module.touch()
        expected = "" if change == "nothing" else str(module)
        assert watch.changed_module() == expected
    finally:
        del sys.modules[module.stem]
