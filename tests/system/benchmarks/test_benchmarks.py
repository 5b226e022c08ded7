"""`python benchmarks --quick`: everything that is measured can be measured, whatever the figures are."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.mark.timeout(120)
def test_a_quick_run(tmp_path: Path) -> None:
    output, homes = tmp_path / "figures.json", tmp_path / "homes"
    homes.mkdir()
    command = [sys.executable, str(BENCHMARKS), "--quick", str(output), "--directory", str(homes)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=True)
    assert "these figures mean nothing" in result.stdout
    written = json.loads(output.read_text())
    assert written["schema"] == 1
    assert written["quick"] is True
    assert min(written["disk"].values()) > 0
    contenders = {"concurrent.futures", "picloud process", "picloud power"}
    if importlib.util.find_spec("loky"):
        contenders.add("loky")
    assert len(written["measurements"]) == 3
    for measurement in written["measurements"]:
        assert measurement["title"] in result.stdout
        assert {entry["contender"] for entry in measurement["entries"]} == contenders
        for entry in measurement["entries"]:
            assert entry["median"] > 0
            assert (entry["ratio"] is None) == ("loky" not in contenders)
    assert not list(homes.iterdir())
    assert not [process for process in psutil.process_iter(["environ"]) if _carries(process, str(homes))]


def _carries(process: psutil.Process, folder: str) -> bool:
    environment = process.info["environ"] or {}
    return str(environment.get("PICLOUD_HOME", "")).startswith(folder)
