"""Jobs that call jobs and wait for them, on one CPU too."""

from __future__ import annotations

import pytest

from .conftest import Run


@pytest.mark.parametrize("cpus", ["1", "2"])
def test_the_sum_of_all_halves(run: Run, monkeypatch: pytest.MonkeyPatch, cpus: str) -> None:
    monkeypatch.setenv("PICLOUD_CPUS", cpus)
    lines = run("nested_sum.py", "64000", "--leaf", "4000")
    assert lines[0] == f"The first 64000 squares add up to {sum(n * n for n in range(64_000))}"
    assert lines[1] == "  the formula says the same: True"
    assert lines[2].startswith("  31 jobs, 5 deep, below job 1, in ")
