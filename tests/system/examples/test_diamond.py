"""A diamond of dependencies, with and without a branch that fails."""

from __future__ import annotations

from .conftest import Run


def test_a_failing_branch_under_both_policies(run: Run) -> None:
    lines = run("diamond.py", "500", "--negative", "0.02")
    assert lines[0] == "500 measurements, made by job 1"
    arithmetic, geometric, strict, lenient = (line.split() for line in lines[1:])
    assert arithmetic[:5] == ["arithmetic", "mean", "job", "2", "done"]
    assert geometric[:6] == ["geometric", "mean", "job", "3", "error", "ValueError:"]
    assert " ".join(strict) == "comparison, abort job 4 stalled Could not start due to dependency erroring"
    assert lenient[:5] == ["comparison,", "ignore", "job", "5", "done"]
    assert " ".join(lenient[5:]) == (
        f"the arithmetic mean is {arithmetic[5]} and there is no geometric mean (job 3: error)"
    )


def test_nothing_fails(run: Run) -> None:
    lines = run("diamond.py", "500", "--negative", "0")
    assert [line.split()[4] for line in lines[1:]] == ["done"] * 4
    assert lines[3].split()[5:] == lines[4].split()[5:]
