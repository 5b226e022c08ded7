"""A study that one process submits and another one reads, later."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from picloud.testing.node import stop_home

from .conftest import Run


def test_submitted_by_one_process_and_read_by_another(run: Run, home: Path, tmp_path: Path) -> None:
    submitted = run("parameter_study.py", "submit", "study.json", "--values", "12", "--people", "3000")
    assert submitted[0].startswith("12 jobs are submitted; `report study.json` reads them")
    jids = json.loads((tmp_path / "study.json").read_text())["jids"]
    assert list(jids.values()) == list(range(1, 13))
    assert not stop_home(home), "a new node reads them"
    lines = run("parameter_study.py", "report", "study.json")
    if "not finished yet" in lines[0]:
        del lines[0]
    assert re.fullmatch(r"3000 people, submitted \d+ \w+ \d{4}, \d\d:\d\d", lines[0])
    rows = [re.fullmatch(r"  job (\d+) +priority (\d)  (\S+) +\d\.\d\d s +([\d.]+)%(.*)", line) for line in lines[1:]]
    found = [row.groups() for row in rows if row is not None]
    assert [(label, int(jid)) for jid, _, label, *_ in found] == list(jids.items())
    assert [priority for _, priority, *_ in found] == list("551111555555")
    shares = [float(share) for *_, share, _ in found]
    assert shares[0] < 5
    assert shares[-1] > 60
    assert found[-1][4].strip(" #") == ""
    assert os.listdir(tmp_path) == ["study.json"]
    assert run("parameter_study.py", "report", "study.json") == lines
