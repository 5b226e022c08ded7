"""A report that callbacks put together while the jobs end."""

from __future__ import annotations

import re

from .conftest import Run


def test_every_letter_is_in_the_report_once(run: Run) -> None:
    lines = run("callbacks_report.py", "22")
    assert lines[0] == "22 letters are submitted"
    assert lines[1:4] == [f"  {n} of 22 letters read" for n in (8, 16, 22)]
    words, torn = lines.index("Words in them"), lines.index("Letters that are torn: 4")
    counts = [line.split() for line in lines[words + 1 : torn]]
    assert [word for _, word in counts] == ["cloud", "job", "node", "queue", "table"]
    assert sum(int(count) for count, _ in counts) == 18 * 20
    found = [re.fullmatch(r"  job (\d+): .+: line 1 column \d+ \(char \d+\)", line) for line in lines[torn + 1 :]]
    assert [match[1] for match in found if match is not None] == ["5", "10", "15", "20"]
