"""Logs of private nodes are made only where they are asked for, and go when they are old."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from picloud.client import logs
from picloud.model.settings import Settings


def test_none_is_made_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert logs.new_log(Settings(home=str(tmp_path / "home")), "Simulation") is None
    assert not any(tmp_path.iterdir())


def test_each_has_a_folder_named_by_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = float(int(time.time()))
    monkeypatch.setattr(time, "time", lambda: now)
    values = Settings(home=str(tmp_path / "home"), save_log=True)
    found = [logs.new_log(values, kind) for kind in ("Simulation", "Simulation", "Multiprocessing")]
    name = time.strftime("%Y-%m-%d.%H%M%S", time.localtime(now))
    folder = tmp_path / "home" / "datalogs"
    assert found == [
        folder / "Simulation" / name / "node.log",
        folder / "Simulation" / f"{name}-1" / "node.log",
        folder / "Multiprocessing" / name / "node.log",
    ]
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_old_ones_go_and_nothing_else_does(tmp_path: Path) -> None:
    values = Settings(home=str(tmp_path), save_log=True, purge_days=2)
    made = [logs.new_log(values, "Simulation") for _ in range(3)]
    old, recent, strange = (log.parent for log in made if log is not None)
    mine = strange.rename(strange.with_name("mine"))
    for folder in (old, recent):
        (folder / "node.log").write_text("a word")
    then = time.time() - 3 * 86400
    for path in (old / "node.log", old, recent, mine):
        os.utime(path, (then, then))
    assert logs.new_log(values, "Simulation") is not None
    assert not (old / "node.log").exists()
    assert (recent / "node.log").exists()
    assert mine.exists()
