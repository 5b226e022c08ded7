"""Nothing that was acknowledged is lost, whatever is killed: at random moments, and at every named point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picloud import faults

from .checker import journal
from .storm import Storm

FAULTS = 60
"""Faults of the short form; `python -m tests.faults.storm` has a longer one."""


@pytest.fixture
def storms(tmp_path: Path) -> Iterator[list[Storm]]:
    """Give a list of storms to be closed."""
    made: list[Storm] = []
    yield made
    for storm in made:
        storm.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_whoever_is_killed_at_any_moment(storms: list[Storm], tmp_path: Path, seed: int) -> None:
    storm = Storm(tmp_path, seed)
    storms.append(storm)
    storm.rage(FAULTS)
    found = storm.check()
    print(found.line(storm.injected), dict(storm.killed), storm.ended_at())
    assert found.all == []
    assert found.jobs > FAULTS
    assert all(storm.killed[victim] for victim in storm.victims)


RARE: dict[str, dict[str, Any]] = {
    "idle.ends": {"visits": 1, "rest": 1.0, "clients": 1},
    "backup.copied": {"visits": 2, "backup": 0.5},
    "backup.renamed": {"visits": 2, "backup": 0.5},
    "recovery.begins": {"visits": 1, "rest": 0.5, "clients": 1},
    "recovery.done": {"visits": 1, "rest": 0.5, "clients": 1},
}
"""How the clients come by points that a node seldom comes by."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", faults.POINTS)
def test_a_node_that_ends_at_a_named_point(storms: list[Storm], tmp_path: Path, point: str) -> None:
    """Each point is come by, else the storm finds nobody to kill and fails."""
    storm = Storm(tmp_path, 3, victims=(), points=(point,), **RARE.get(point, {}))
    storms.append(storm)
    storm.rage(2)
    assert set(storm.ended_at()) == {point}
    found = storm.check()
    print(found.line(storm.injected))
    assert found.all == []
    assert found.jobs > 0


@pytest.mark.timeout(120)
def test_what_a_killed_worker_had_ended_is_not_run_again(storms: list[Storm], tmp_path: Path) -> None:
    """At most the one item that had said so and was just about to be noted."""
    storm = Storm(tmp_path, 4, victims=("worker",), points=(), rest=0.0, backup=0.0)
    storms.append(storm)
    storm.rage(40, (0.05, 0.2))
    found = storm.check()
    print(found.line(storm.injected))
    assert found.all == []
    _, ended = journal(tmp_path / "journal")
    again = [item for item, count in ended.items() if count > 1]
    assert len(again) <= storm.killed["worker"]
