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


@pytest.mark.timeout(240)
def test_a_quick_run(tmp_path: Path) -> None:
    output, homes = tmp_path / "figures.json", tmp_path / "homes"
    homes.mkdir()
    command = [sys.executable, str(BENCHMARKS), "--quick", str(output), "--directory", str(homes)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=220, check=True)
    assert "these figures mean nothing" in result.stdout
    written = json.loads(output.read_text())
    assert (written["schema"], written["quick"]) == (2, True)
    assert min(written["disk"].values()) > 0
    peers = {"concurrent.futures"} | ({"loky"} if importlib.util.find_spec("loky") else set())
    measured = {measurement["name"]: measurement for measurement in written["measurements"]}
    assert {
        "call",
        "call-urgent",
        "map",
        "million",
        "results",
        "spins",
        "array-shared",
        "idle-memory",
        "opening",
    } <= set(measured)
    for measurement in measured.values():
        assert measurement["title"] in result.stdout
        assert all(figure["rounds"] for figure in measurement["figures"])
        for judged in measurement["targets"]:
            assert f"{'met' if judged['met'] else 'MISSED'}: {judged['target']}" in result.stdout
    assert peers | {"picloud process", "picloud power"} <= {
        figure["contender"] for figure in measured["call"]["figures"]
    }
    assert len(measured["million"]["targets"]) == 10
    assert not list(homes.iterdir())
    assert not [process for process in psutil.process_iter(["environ"]) if _carries(process, str(homes))]


def _carries(process: psutil.Process, folder: str) -> bool:
    environment = process.info["environ"] or {}
    return str(environment.get("PICLOUD_HOME", "")).startswith(folder)
