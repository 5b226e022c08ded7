"""A Monte Carlo study with numpy over a table that all jobs share."""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import Run


def test_a_table_of_100_megabytes_is_stored_once(run: Run, home: Path) -> None:
    lines = run("bootstrap_median.py", "--megabytes", "100", "--jobs", "20")
    head = re.fullmatch(r"A table of 12500000 values, 100 MB; its median is (0\.\d+)", lines[0])
    assert head is not None
    assert lines[1] == "  20 samples of 100000 values, by jobs 1 to 20"
    numbers = re.fullmatch(r"  mean of their medians (\S+), 95 % of them from (\S+) to (\S+)", lines[2])
    assert numbers is not None
    mean, low, high = map(float, numbers.groups())
    assert low < float(head[1]) < high
    assert abs(mean - float(head[1])) < 0.01
    assert sum(line.count("#") for line in lines[3:11]) == 20
    assert re.fullmatch(r"  [\d.]+ seconds to hand over 2\.0 GB of arguments, [\d.]+ in all", lines[11])
    files = [path for path in (home / "segments").iterdir() if path.is_file()]
    assert [round(path.stat().st_size / 1e6) for path in files] == [100]
